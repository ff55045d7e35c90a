/* slow.h - a stream that begins and then crawls goes elsewhere: its first words are held until its speed is known. Only flow/ includes
 * this. */
#ifndef FLOW_SLOW_H
#define FLOW_SLOW_H

#include <stdbool.h>

struct attempt;

#define SLOW_TOKENS 3.0 /* in SLOW_QUICK_NS from its first content on: it is fast */
#define SLOW_QUICK_NS INT64_C(500000000)
#define SLOW_JUDGE_NS INT64_C(3000000000) /* then it is judged by the model's slow.tokens_per_s */

/* Is the answer held? To be asked after each frame from the first content on, while the client has nothing. Only where the model has
 * `slow`, and only while another target may answer; once a request. The first time that it is not held the answer begins; that may be in
 * a timer, too, and attempt_leave() may be called there. The worker's thread. */
bool slow_holds(struct attempt *a);

#endif
