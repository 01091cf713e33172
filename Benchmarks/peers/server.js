// SPDX-License-Identifier: Apache-2.0
//
// Node's own balancer: a cluster of WORKERS. How it balances says NODE_CLUSTER_SCHED_POLICY: with rr the first process
// accepts and hands each connection to a worker in turn, with none the workers accept from one socket.
//
//     node server.js WORKERS
//
// With 0 it is a plain server without a cluster, as most are, which serves alone or as a worker of maitred.
//
// Answers "ok", or N zeros to /bytes?n=N.
'use strict';

const cluster = require('node:cluster');
const http = require('node:http');

// As much as the peers write at once.
const chunk = Buffer.alloc(65536);

function answer(request, response) {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname === '/bytes') {
        sendBytes(Number(url.searchParams.get('n')), response);
    } else {
        response.writeHead(200, { 'Content-Length': 3 }).end('ok\n');
    }
}

/** Writes as fast as the client reads. */
function sendBytes(count, response) {
    let left = count;
    function more() {
        let hasRoom = true;
        while (left > 0 && hasRoom) {
            const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
            left -= part.length;
            hasRoom = response.write(part);
        }
        if (left === 0) {
            response.off('drain', more).end();
        }
    }
    response.writeHead(200, { 'Content-Length': count }).on('drain', more);
    more();
}

const workers = Number(process.argv[2]);

if (workers === 0) {
    const server = http.createServer(answer).listen(0, '127.0.0.1', () => {
        console.log(`listening on 127.0.0.1:${server.address().port}`);
    });
} else if (cluster.isPrimary) {
    let listening = 0;
    cluster.on('listening', (worker, address) => {
        listening += 1;
        if (listening === workers) {
            console.log(`listening on 127.0.0.1:${address.port}`);
        }
    });
    for (let i = 0; i < workers; i += 1) {
        cluster.fork();
    }
} else {
    http.createServer(answer).listen(0, '127.0.0.1');
}
