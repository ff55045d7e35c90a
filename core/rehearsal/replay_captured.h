/* replay_captured.h - what was captured of a request of the ledger, as a policy would have seen it. */
#ifndef REHEARSAL_REPLAY_CAPTURED_H
#define REHEARSAL_REPLAY_CAPTURED_H

#include "capture/find.h"
#include "script/script.h"

/* The model that the client asked for; absent: the request was not captured. Arena. */
struct text replay_captured_model(struct find *f, struct text id, struct arena *arena);
/* Fills what stands in the client's own request: ask, headers and the like, and req->captured. req->face, id and arena are set. False: it was not
 * captured, or cannot be read any more. */
bool replay_captured_fill(struct find *f, struct script_request *req);
/* What might be tried at that attempt before policies had ordered it, and in `error` why the one before failed (NULL: none had); NULL: it was
 * not captured. Arena. */
struct script_targets *replay_captured_route(struct find *f, struct text id, uint64_t attempt, struct arena *arena,
                                             const struct script_error **error);
/* The first answer that policies were shown; NULL: none was captured. Arena. */
struct script_response *replay_captured_answer(struct find *f, struct text id, struct arena *arena);

#endif
