/* hold.h - between hold.c, which asks for room, and clamp.c, which makes an attempt fit. Only flow/ includes this. */
#ifndef FLOW_HOLD_H
#define FLOW_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct attempt;

/* Lowers the limit of output tokens, and what the model may think, in what is about to be sent; a->clamped. False: it cannot be. */
bool clamp_to(struct attempt *a, int64_t limit);

#endif
