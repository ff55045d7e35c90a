/* load_answer.h - reads an HTTP/1.1 answer as its bytes come: status, length or chunks, and for a stream
 * its events. Reads no more than it must, so that the load generator stays cheap. */
#ifndef BENCH_LOAD_ANSWER_H
#define BENCH_LOAD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_answer_stage {
    ANSWER_HEAD,
    ANSWER_BODY,
    ANSWER_SIZE,
    ANSWER_DATA,
    ANSWER_DATA_END,
    ANSWER_TRAILER,
    ANSWER_COMPLETE
};

struct load_answer {
    enum load_answer_stage stage;
    int status;
    bool chunked, event_stream, close;
    bool done;       /* "data: [DONE]" was seen */
    bool error;      /* an event that is an error */
    char last;       /* byte of the body */
    size_t left;     /* of the body, or of this chunk */
    unsigned events; /* those that carry a due time */
    size_t body_len;
    char *kept; /* the head or the line that was cut, NULL when none was */
    size_t kept_len;
    void (*on_event)(void *user, int64_t due_ns);
    void *user;
};

/* Before each request. `on_event` is called for each event of a stream, with the time at which it was due. */
void load_answer_begin(struct load_answer *a, void (*on_event)(void *user, int64_t due_ns), void *user);

/* Takes `len` bytes (lent). 0: wants more, 1: the answer is complete, -1: not HTTP, or bytes after the end. */
int load_answer_feed(struct load_answer *a, const char *data, size_t len);

/* Did a complete answer come whole: the last brace of a JSON body, [DONE] of a stream and no error in it? */
bool load_answer_good(const struct load_answer *a);

/* Frees what it holds. */
void load_answer_fini(struct load_answer *a);

#endif
