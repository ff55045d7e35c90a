/* replay_route.h - the targets that a request of the ledger had, as far as they are known. */
#ifndef REHEARSAL_REPLAY_ROUTE_H
#define REHEARSAL_REPLAY_ROUTE_H

#include "config/config.h"
#include "money/past.h"
#include "script/script.h"

/* Those that gateway.lua names for the model and its team allows: the one that was tried first, then the others in the order of the file. NULL:
 * the first is not among them any more. Arena. */
struct script_targets *replay_targets(struct arena *arena, const struct config *config, struct text model,
                                      const struct past_request *r);
/* "provider/model". Arena. */
struct text replay_target_name(struct arena *arena, const struct script_target *t);

#endif
