/* files.h - reads test vectors, and makes the same random numbers each time. */
#ifndef TEST_BASE_FILES_H
#define TEST_BASE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* The bytes of a file, given: free() text.ptr. Exactly as much memory as there are bytes, so that the address
 * sanitizer sees a read past them. Fails the test when it cannot be read. */
struct text files_read(const char *path);
/* A copy of the same kind of `t`, given. */
struct text files_copy(struct text t);
void files_free(struct text t);

/* Calls `fn` for each file of a folder below the shared ones whose name ends in ".json", in the order of the
 * names, and with `deep` for the folders in it too. Bytes and name are lent. Returns how many there were. */
size_t files_each(const char *folder, int deep, void (*fn)(const char *name, struct text bytes, void *arg), void *arg);

/* xorshift64*: the next number, from a state that must not be 0. */
uint64_t files_random(uint64_t *state);

#endif
