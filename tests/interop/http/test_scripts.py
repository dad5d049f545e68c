"""Ruby's `Net::HTTP` and PHP's curl, in scripts beside this file."""

import unittest

from example import HERE, ExampleTest, run


class Scripts(ExampleTest):
    def prints(self, interpreter, script, lines):
        output, _ = run(interpreter, str(HERE / script), str(self.port))
        self.assertEqual(output.decode().split("\n"), [*lines, ""])

    def test_ruby_shares_a_connection(self):
        with self.connections(1):
            self.prints("ruby", "several.rb", ["ok", "ok", "ok", "1", "2000", "500000", "true", "at last", "500000"])

    def test_php_shares_a_connection(self):
        one_handle = ["ok 1", "2000 0", "1000001 0", "1 0", "500000 0"]
        with self.connections(2):
            self.prints("php", "several.php", [*one_handle, "ok 1", "ok 0", "ok 0"])


if __name__ == "__main__":
    unittest.main()
