/* outcome.h - how an attempt or a request ended: in the log, the metrics and the ledger. */
#ifndef FLOW_OUTCOME_H
#define FLOW_OUTCOME_H

enum outcome {
    OUTCOME_NONE, /* it is not over */
    OUTCOME_OK,
    OUTCOME_CANCELLED,
    OUTCOME_FAILED,
    OUTCOME_REFUSED, /* what the client asked for cannot be done */
    OUTCOME_BROKEN,  /* a request: its answer broke off */
    /* Of an attempt alone: */
    OUTCOME_STATUS,   /* the upstream answered with an error's status: "status_503" */
    OUTCOME_ERROR,    /* an error in the middle of the answer, of such a status: "error_503" */
    OUTCOME_TRANSFER, /* the exchange failed: transfer_failure_name() */
    OUTCOME_JUNK,     /* what came is no answer */
    OUTCOME_PROTOCOL, /* a damaged message of an event stream */
    OUTCOME_TOO_LARGE,
    OUTCOME_ENCODED,    /* compressed, though not asked to */
    OUTCOME_INCOMPLETE, /* without an end mark */
    OUTCOME_LOSSY,      /* it would lose a member, and the model refuses that */
    OUTCOME_GUARDED,    /* cut at the limit of output tokens that was sent */
    OUTCOME_SWITCHED_OFF,
    OUTCOME_PLUGIN_ERROR,
    OUTCOME_NO_MEMORY,
    OUTCOME_FILTERED, /* the provider's content filter ended its answer, and the model has a list for that */
    OUTCOME_DROPPED,  /* a good answer that a policy did not let pass: another one was asked for */
    OUTCOMES
};

/* "ok", "too_large" ... static. Of OUTCOME_NONE, _STATUS, _ERROR and _TRANSFER: see attempt_outcome_name(). */
const char *outcome_name(enum outcome outcome);

#endif
