/* timer.h - the loop's deadlines. Others set and clear them through loop.h. */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include "loop/loop.h"

/* Calls on_time of every timer that is due at l->now_ns. As many calls as there were timers, at most: one
 * that keeps arming itself for now cannot hold up the loop. */
void timer_run_due(struct loop *l);

#endif
