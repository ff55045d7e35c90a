/* large.h - large pieces of memory, kept for the next one who needs such a piece.
 *
 * The kernel clears each page that a process gets, and takes it back at the end: for a body of 10 MB that was three quarters of
 * the time of its copies. So what is freed here is kept, LARGE_KEPT bytes in the process at most; what was freed first goes
 * first. That memory belongs to no request and counts for no limit of theirs. Any thread. */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include <stddef.h>

#ifdef GW_TINY
#define LARGE_LEAST ((size_t)64)
#else
#define LARGE_LEAST ((size_t)256 << 10) /* what is smaller is malloc()'s own business */
#endif
#define LARGE_KEPT ((size_t)64 << 20)

/* From now on malloc() gives large memory back to the kernel when it is freed, and keeps none of it itself: what may be kept is
 * decided here. Once, before there are threads. */
void large_start(void);
/* At least `least` bytes (LARGE_LEAST or more) by malloc(), not cleared; *got is how many, twice as many at most. NULL when there
 * are none, and where the address space is limited (ulimit -v, at large_start()) also when they would leave less than 16 MB of
 * it: a small piece that cannot be had ends the process. */
void *large_alloc(size_t least, size_t *got);
/* `memory` is from large_alloc() or malloc(), `bytes` long: LARGE_LEAST or more. */
void large_free(void *memory, size_t bytes);
/* free(), for memory of whatever size: of buf_take(), where the length of what was allocated is not known. NULL does nothing. */
void large_free_any(void *memory);
/* Frees all that is kept. */
void large_drop(void);
/* How many bytes are kept. */
size_t large_held(void);

#endif
