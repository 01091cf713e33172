# SPDX-License-Identifier: Apache-2.0

# An accept loop: one connection at a time, or with "fork" a process for each.

use strict;
use warnings;
use IO::Socket::INET;

my $forks = ($ARGV[0] // '') eq 'fork';
my $id = $ENV{MAITRED_WORKER_ID};
my $listener = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 64, ReuseAddr => 1) or die "cannot listen: $!";
# Here clients could connect already.
load();
$SIG{CHLD} = 'IGNORE';
while (1) {
    my $connection = $listener->accept or next;
    my $child = $forks ? fork : 0;
    defined $child or die "cannot fork: $!";
    serve($connection) if $child == 0;
    close $connection;
    exit if $forks && $child == 0;
}

sub serve {
    my ($connection) = @_;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($connection, $head, 4096, length $head) or return }
    my $body = "id=$id\n";
    if ($head =~ m{^GET /slow }) {
        select undef, undef, undef, 0.3;
        $body .= '.' x 100_000 . "\nwhole\n";
    }
    print $connection 'HTTP/1.1 200 OK', "\r\nContent-Length: ", length $body, "\r\n\r\n$body";
    $connection->flush;
}

# Takes as long as the test wants: until it makes a file. Or fails.
sub load {
    die "the application cannot be loaded\n" if $ENV{LOAD_FAILS};
    my $directory = $ENV{LOAD_DIRECTORY} // return;
    open my $file, '>', "$directory/loading.$id" or die $!;
    select undef, undef, undef, 0.01 until -e "$directory/go";
}
