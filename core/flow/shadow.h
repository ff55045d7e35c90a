/* shadow.h - a copy of a request goes to another target once its answer has begun; what that answers is read to its end and thrown away.
 * Only flow/ includes this. The worker's thread. */
#ifndef FLOW_SHADOW_H
#define FLOW_SHADOW_H

struct request;

#define SHADOW_MOST 4u /* at a time, in this process */

/* The request's answer begins: perhaps a copy of it is sent. Never fails, and nothing waits for it. */
void shadow_take(struct request *req);

#endif
