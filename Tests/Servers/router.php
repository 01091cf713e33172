<?php
// SPDX-License-Identifier: Apache-2.0

$body = 'id=' . getenv('MAITRED_WORKER_ID') . "\n";
if ($_SERVER['REQUEST_URI'] === '/slow') {
    usleep(300000);
    $body .= str_repeat('.', 100000) . "\nwhole\n";
}
header('Content-Length: ' . strlen($body));
echo $body;
