# Perl's Mojolicious sends a text three times to an echo, each time when the last one is back, and prints the number of
# echoes and the close code: mojolicious.pl URL TEXT plain|deflate
use Mojo::Base -strict;
use Mojo::IOLoop;
use Mojo::UserAgent;

my ($url, $text, $mode) = @ARGV;
my %headers = $mode eq 'deflate' ? ('Sec-WebSocket-Extensions' => 'permessage-deflate') : ();
my $echoes  = 0;
my $ua      = Mojo::UserAgent->new;
$ua->websocket(
  $url => \%headers => sub {
    my (undef, $tx) = @_;
    return Mojo::IOLoop->stop unless $tx->is_websocket;
    $tx->on(
      message => sub {
        my (undef, $echo) = @_;
        $echoes++ if $echo eq $text;
        $echoes < 3 ? $tx->send($text) : $tx->finish(1000);
      }
    );
    $tx->on(finish => sub { say "$echoes $_[1]"; Mojo::IOLoop->stop });
    $tx->send($text);
  }
);
Mojo::IOLoop->start;
