/* fault.c - counts down to the fault of a test. */
#include "base/fault.h"

#ifdef GW_TEST_BUILD
static _Thread_local unsigned left;
static _Thread_local bool fired;

void fault_arm(unsigned n)
{
    left = n;
    fired = false;
}

bool fault_fired(void)
{
    return fired;
}

bool fault_now(void)
{
    if (left == 0 || --left > 0)
        return false;
    fired = true;
    return true;
}
#else
typedef int fault_is_for_tests; /* a file is not empty */
#endif
