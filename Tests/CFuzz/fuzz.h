/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzzing of everything that the C code parses. The first byte of an input chooses what is parsed; see fuzz.c.
 *
 *      fuzz.c         one input: the stage that it plays on, and what must hold after it
 *      environment.c  MAITRED_* variables, the load page
 *      packets.c      channel, control channel, worker socket
 *      preload.c      MAITRED_LISTENERS, addresses, inherited descriptors, LD_PRELOAD
 *      driver.c       inputs without libFuzzer: seeds, and mutations of them in a fixed order
 */
#ifndef MAITRED_FUZZ_H
#define MAITRED_FUZZ_H

#include "worker.h"

#include <stddef.h>
#include <stdint.h>

/* ---- Inputs --------------------------------------------------------------------------------------- */

/* What is left of an input. */
struct input {
    const uint8_t *next;
    size_t left;
};

/* The next so many bytes as a number; 0 at the end. */
uint64_t input_number(struct input *input, size_t bytes);

/* The next bytes, at most so many: an allocation of exactly *ret_length, so that a read behind it is seen. */
uint8_t *input_bytes(struct input *input, size_t most, size_t *ret_length);

/* The next line, without its end, on the heap. Letters stand for descriptors of the stage, as in stage_set. */
char *input_line(struct input *input);

/* ---- The stage ------------------------------------------------------------------------------------ */

/* Descriptors that an input plays with, new for each. */
struct stage {
    int channels[2], channel_peers[2]; /* in texts: E, F */
    int control, control_peer;         /* C */
    int page;                          /* P */
    int unsealed;                      /* Q: memory of the right size that may shrink */
    int listener;                      /* L: listens on TCP */
};
extern struct stage stage;

/* The content of the page, which the stage keeps mapped. */
extern struct maitred_page_header *stage_page;

/* Sets a variable for this input, each of the letters above replaced by "fd:inode". An empty text unsets it. */
void stage_set(const char *name, const char *text);

/*
 * Sends packets as the input says: number of descriptors (at most `most`; the last one is the page, or with 0x80 what is
 * none), length (2 bytes), bytes.
 */
void stage_send(struct input *input, int fd, unsigned most);

/* Ends the process with a message, as a sanitizer would. */
void require(int is_true, const char *what);

/* ---- What is parsed ------------------------------------------------------------------------------- */

void fuzz_open(struct input *input);
void fuzz_page(struct input *input);
void fuzz_take(struct input *input);
void fuzz_receive(struct input *input);
void fuzz_fetch(struct input *input);
void fuzz_linux_receive(struct input *input);
void fuzz_listeners(struct input *input);
void fuzz_bind(struct input *input);
void fuzz_inherited(struct input *input);

enum target {
    TARGET_OPEN, TARGET_PAGE, TARGET_TAKE, TARGET_RECEIVE, TARGET_FETCH, TARGET_LINUX_RECEIVE, TARGET_LISTENERS,
    TARGET_BIND, TARGET_INHERITED, TARGET_COUNT
};

/* ---- environment.c -------------------------------------------------------------------------------- */

/* The worker of this process as nobody has opened it yet. */
void forget_worker(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
