/* cut.h - how a relayed stream ends that the gateway cuts at the limit of output tokens. */
#ifndef DIALECT_CUT_H
#define DIALECT_CUT_H

#include "dialect/dialect.h"

/* dialect.write_cut of each. */
void cut_chat(const struct dialect_cut *cut, struct buf *out);
void cut_completions(const struct dialect_cut *cut, struct buf *out);
void cut_messages(const struct dialect_cut *cut, struct buf *out);
void cut_responses(const struct dialect_cut *cut, struct buf *out);

#endif
