/* whose.h - to whom a request is attributed beside its team and key: project, tags, end user, session, client. What the client
 * claims, bounded; none of it goes to an upstream. */
#ifndef FLOW_WHOSE_H
#define FLOW_WHOSE_H

#include <stdbool.h>

#include "base/fail.h"
#include "base/text.h"

struct request;

/* The most bytes of an end user's or a session's name: of members and headers that are not the gateway's own, so many count. */
#define WHOSE_NAME_MOST 256u

/* All in the request's arena; absent: not named. */
struct whose {
    struct text project, tags, user, session; /* tags: "a=1,b=2", sorted */
    struct text claude_session;               /* Claude Code's own header: x-gw-session counts before it */
    const char *client;                       /* "claude-code", "openai-python" ... "other": static */
    unsigned seen_kills;                      /* kill_generation() when it was looked whether it is switched off */
    const char *header;                       /* the first header that is wrong; NULL: none */
    const char *wrong;                        /* and what is, static */
};

/* Keeps a header of the request where it names one of these. False: it does not. */
bool whose_header(struct request *req, struct text name, struct text value);
/* A policy asks: all of it is its request's, and one tag more. */
void whose_adopt(struct request *req, struct text tag);
/* When the key is known: the key's own project and tags, where the client named none. -1 with req->fail: a header is wrong. */
int whose_complete(struct request *req);
/* Has the operator switched its key or session off since it was looked last? Then -1 with `fail`. */
int whose_is_off(struct request *req, struct fail *fail);
/* The end user that the body names, where no header did: while the body is there, before the first attempt. */
void whose_ask(struct request *req);

#endif
