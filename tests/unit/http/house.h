/* house.h - a front with a loop in a thread of its own, and a client that talks to it in plain bytes. */
#ifndef HOUSE_H
#define HOUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "flow/worker.h"

struct house {
    struct worker worker;
    struct gateway gateway;
    pthread_t thread;
    uint16_t port;
};

/* Limits are those of config_new() until `change` (may be NULL) has changed them. Fails the test when it cannot. */
void house_open(struct house *h, void (*change)(struct config *config));
/* Cuts what is left; fails the test when the loop does not come to its end, or a request was not ended. */
void house_close(struct house *h);
void house_drain(struct house *h);
void house_cut(struct house *h);

/* The n-th fault from here on in the loop's thread is one (base/fault.h); false: the one before has not been. */
bool house_arm(struct house *h, unsigned n);

/* A connection with 10 s of patience. */
int house_connect(const struct house *h);
void house_send(int fd, const char *text);
void house_send_bytes(int fd, const void *bytes, size_t len);
/* "POST /v1/chat/completions" with that x-fake and that body. */
void house_post(int fd, const char *fake, const char *body);
/* Reads one answer: its status, 0 when the connection ended before one. The body (chunks joined) goes to `body`,
 * cut to `room` - 1 bytes, NUL-terminated; may be NULL. */
int house_answer(int fd, char *body, size_t room);
/* The raw head of the last answer, lower-cased nowhere. Lent until the next. */
const char *house_head(void);
/* Chunks of the last answer's body; bytes of it; did it end as it should? */
unsigned house_chunks(void);
size_t house_bytes(void);
bool house_whole(void);
/* Milliseconds until the connection ends, at most `ms`; -1 when it does not. Bytes are dropped. */
int64_t house_until_closed(int fd, int64_t ms);
/* Waits until *counter is at least `wanted`, at most 2 s. */
bool house_wait(const atomic_uint *counter, unsigned wanted);

#endif
