/* uuid.h - UUID version 7 (RFC 9562): time-ordered, ours on everything. Any thread. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#define UUID_TEXT_LEN 36

/* 36 characters and NUL. Monotonic within a thread, also when the clock jumps back. */
void uuid_new(char out[UUID_TEXT_LEN + 1]);

#endif
