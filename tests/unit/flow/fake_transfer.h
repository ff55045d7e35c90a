/* fake_transfer.h - plays the upstream: in this program it stands in the place of upstream/transfer.c and upstream/pool.c,
 * so that what arrives, and when, is what a test gives. One transfer runs at a time. */
#ifndef TESTS_UNIT_FLOW_FAKE_TRANSFER_H
#define TESTS_UNIT_FLOW_FAKE_TRANSFER_H

#include "upstream/transfer.h"

/* Is a transfer running? */
bool fake_runs(void);
bool fake_is_paused(void);
/* How many have begun since the start of the program. */
unsigned fake_begun(void);
/* What it sends; NULL when none is running. */
const struct transfer_request *fake_request(void);
/* Each does nothing when none is running. */
void fake_unsent(bool unsent);  /* transfer_was_sent() is false */
void fake_body_done(bool done); /* what transfer_body_done() answers: true unless set */
void fake_head(int status, const char *content_type);
void fake_body(struct text bytes);
void fake_done(enum transfer_failure failure);
/* A whole answer: head, the body in pieces of `piece` bytes, the end. */
void fake_answer(int status, const char *content_type, struct text body, size_t piece);

#endif
