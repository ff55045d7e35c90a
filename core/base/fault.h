/* fault.h - faults on purpose: in builds for tests (GW_TEST_BUILD) the n-th append or allocation of a thread fails. In
 * other builds there is nothing of it. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#ifdef GW_TEST_BUILD
/* The n-th fault_now() of this thread from here on is true, once; 0: none is. */
void fault_arm(unsigned n);
/* Has it been? */
bool fault_fired(void);
/* Asked by what can fail, each time. */
bool fault_now(void);
#else
static inline bool fault_now(void)
{
    return false;
}
#endif

#endif
