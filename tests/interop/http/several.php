<?php
// Several requests of one curl handle, then of two handles that share their connections: several.php PORT. Prints their
// answers, and the connections that each request has made.

function answer(CurlHandle $curl, string $path, array $options = []): string
{
    global $argv;
    curl_setopt_array($curl, $options + [
        CURLOPT_URL => "http://127.0.0.1:$argv[1]$path",
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_FAILONERROR => true,
        CURLOPT_TIMEOUT => 20,
        // Before a body is sent without leave, which is later than the end of all.
        CURLOPT_EXPECT_100_TIMEOUT_MS => 60_000,
    ]);
    $body = curl_exec($curl);
    if ($body === false) {
        fwrite(STDERR, "$path: " . curl_error($curl) . "\n");
        exit(1);
    }
    echo strlen($body) > 20 ? strlen($body) : rtrim($body), " ", curl_getinfo($curl, CURLINFO_NUM_CONNECTS), "\n";
    return $body;
}

$curl = curl_init();
$post = fn(string $body) => [CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => ["Expect: 100-continue"]];
answer($curl, "/2");
foreach ([2000, 1_000_001] as $size) {
    $body = str_repeat("x", $size);
    if (answer($curl, "/echo", $post($body)) !== $body) {
        exit(1);
    }
}
answer($curl, "/count", [CURLOPT_POSTFIELDS => "", CURLOPT_HTTPHEADER => []]);
answer($curl, "/page", [CURLOPT_HTTPGET => true]);
curl_close($curl);

$share = curl_share_init();
curl_share_setopt($share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
foreach (range(1, 3) as $_) {
    $curl = curl_init();
    answer($curl, "/2", [CURLOPT_SHARE => $share]);
    curl_close($curl);
}
