/* join.h - equal requests share one call of an upstream: one leads a flight (cache/flights.h), the others join it. A request that
 * has joined waits in row "cache.join" until the answer begins; then its attempt gets the leader's bytes as if its upstream had sent
 * them. Only flow/ includes this. The worker's thread, except where noted. */
#ifndef FLOW_JOIN_H
#define FLOW_JOIN_H

#include <stdbool.h>

#include "base/text.h"
#include "cache/flights.h"
#include "upstream/transfer.h"

struct attempt;
struct request;

/* The form in which its target answers: flights of different forms are apart. */
unsigned join_form(const struct attempt *a);
/* Of a request that the cache has no answer for, looked for at flights_turn() `turn`. FLIGHTS_LISTENS: it has joined, and waits;
 * row "cache.find" returns WAIT then. */
enum flights_place join_enter(struct attempt *a, uint64_t turn);
/* Row "attempt.send": the answer has begun, and is fed to the attempt from now on. */
void join_read(struct attempt *a);
/* The client takes bytes again. */
void join_resume(struct attempt *a);
/* It needs nothing of it any more. Nothing where it has not joined. */
void join_leave(struct attempt *a);

/* Of a leader; nothing where the request leads no flight. */
/* Another attempt begins. */
void join_again(struct request *req);
/* The attempt cannot be shared. */
void join_abandon(struct request *req);
/* A piece of the body of its answer. */
void join_write(struct attempt *a, struct text bytes);
/* Nothing more comes. */
void join_done(struct attempt *a, bool good);
/* Its answer is good, as far as it has come. */
void join_open(struct attempt *a);
/* It failed, and no other follows: req->fail. */
void join_fail(struct attempt *a);
/* It is settled, and kept where it may be: the flight ends. */
void join_settle(struct request *req);
/* Does anybody listen? */
bool join_is_heard(const struct request *req);
/* Has all of its answer come, whoever was there to get it? */
bool join_is_whole(const struct request *req);

#endif
