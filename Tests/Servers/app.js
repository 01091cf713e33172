// SPDX-License-Identifier: Apache-2.0

// What the Node servers serve: `/` at once, `/slow` after 300 ms.

const fs = require('fs');

const id = process.env.MAITRED_WORKER_ID;

exports.answer = (path, reply) => {
    if (path !== '/slow') return reply(`id=${id}\n`);
    setTimeout(() => reply(`id=${id}\n${'.'.repeat(100000)}\nwhole\n`), 300);
};

// Takes as long as the test wants: until it makes a file. Or fails.
exports.load = () => {
    const directory = process.env.LOAD_DIRECTORY;
    if (process.env.LOAD_FAILS) throw new Error('the application cannot be loaded');
    if (!directory) return;
    fs.writeFileSync(`${directory}/loading.${id}`, '');
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while (!fs.existsSync(`${directory}/go`)) Atomics.wait(cell, 0, 0, 10);
};
