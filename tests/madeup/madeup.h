/* madeup.h - a face and a dialect that nobody speaks: what it takes to add one, and a proof that nothing else must know it. */
#ifndef TESTS_MADEUP_MADEUP_H
#define TESTS_MADEUP_MADEUP_H

#include "face/face.h"

/* Its bit: none of the ABI's. */
#define MADEUP_BIT (1u << 30)

extern const struct dialect madeup_dialect;
extern const struct face madeup_face;

#endif
