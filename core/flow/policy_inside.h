/* policy_inside.h - what the files of policies in flow/ share. Only they include this. */
#ifndef FLOW_POLICY_INSIDE_H
#define FLOW_POLICY_INSIDE_H

#include "flow/way.h"
#include "script/script.h"

/* What the hooks decided, done. */
enum next policy_take(struct request *req, enum script_verdict verdict);

/* The text that a policy answers with, written by the face of the client: as a stream, or whole. What it returns ends the row. */
enum next policy_answer(struct request *req, bool streams);

/* Replaces the client's body by the one that the hooks made, policy->ask: all later rows read the new one. FAIL with req->fail. */
enum next policy_put_body(struct request *req);

/* A hook waits: its row comes again. */
enum next policy_wait_more(struct request *req);

#endif
