/* replay_play.h - one request of the ledger while it is played: what its record says of this policy, and what the policy makes of it now. Only
 * replay*.c include this. */
#ifndef REHEARSAL_REPLAY_PLAY_H
#define REHEARSAL_REPLAY_PLAY_H

#include "rehearsal/replay_captured.h"
#include "rehearsal/replay_spend.h"

struct playing {
    struct arena arena; /* of the request */
    const struct past_request *past;
    struct find *find;
    struct replay_spend spend;
    struct ask ask;
    struct script_request req;
    /* What was decided, as the ledger has it. */
    struct text asked, other_model;
    struct text edits;         /* words of this policy's */
    struct text before;        /* what came of it by this policy */
    struct text answer_before; /* what it made of the first answer that it saw; absent: nothing */
    bool elsewhere;
    bool ordered;          /* this policy has put the targets in order */
    bool order_elsewhere;  /* another one has */
    bool edited;           /* another policy has changed the request: what this one saw of it is not known */
    bool answer_elsewhere; /* another policy has changed or dropped the answer */
};

/* Notes what is missing; the first counts. False. */
bool replay_lack(struct playing *p, const char *what);
/* replay_later.c: "the answer is refused: CODE" and so on, of what on_response decided. Arena. */
struct text replay_answer_text(struct arena *arena, struct text decision, struct text code, struct text edits);
/* The hooks after on_request, of a request that goes to the model as it did: what comes of it now. p->before is what came of it then. */
struct text replay_later(struct playing *p, struct script_worker *worker, unsigned hooks, struct text now);

#endif
