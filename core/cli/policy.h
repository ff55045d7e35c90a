/* policy.h - the tests of the configured policies, for `policy test` and `check`. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "base/buf.h"
#include "config/config.h"
#include "rehearsal/rehearsal.h"

/* Runs those beside the policies of the configuration, each once, and appends what failed. How many policies have none. */
unsigned policy_test_configured(const struct config *config, bool verbose, struct buf *out, struct rehearsal_sum *sum);

#endif
