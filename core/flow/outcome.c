/* outcome.c - the names of outcomes. */
#include "flow/outcome.h"

#include <stddef.h>

#include "base/fail.h"

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOMES] = {
        [OUTCOME_OK] = "ok",
        [OUTCOME_CANCELLED] = "cancelled",
        [OUTCOME_FAILED] = "failed",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_BROKEN] = "broken",
        [OUTCOME_JUNK] = "junk",
        [OUTCOME_PROTOCOL] = "protocol",
        [OUTCOME_TOO_LARGE] = "too_large",
        [OUTCOME_ENCODED] = "encoded",
        [OUTCOME_INCOMPLETE] = "incomplete",
        [OUTCOME_LOSSY] = "lossy",
        [OUTCOME_GUARDED] = "guarded",
        [OUTCOME_SWITCHED_OFF] = "switched_off",
        [OUTCOME_PLUGIN_ERROR] = "plugin_error",
        [OUTCOME_NO_MEMORY] = "no_memory",
        [OUTCOME_FILTERED] = "content_filter",
        [OUTCOME_DROPPED] = "dropped",
    };
    BUG_IF(outcome >= OUTCOMES || names[outcome] == NULL);
    return names[outcome];
}
