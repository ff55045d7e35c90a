/* policy_inside.h - what the files of policies in flow/ share. Only they include this. */
#ifndef FLOW_POLICY_INSIDE_H
#define FLOW_POLICY_INSIDE_H

#include "flow/way.h"
#include "script/script.h"

/* What the hooks decided, done. */
enum next policy_take(struct request *req, enum script_verdict verdict);

/* A hook waits: its row comes again. */
enum next policy_wait_more(struct request *req);

#endif
