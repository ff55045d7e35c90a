/* linked_demo.c - the demo provider, linked into the tests, so that a sanitizer's report has its lines. */
#define GW_BUILTIN demo
#include "../../../plugins/demo/demo.c"

#include "../../../plugins/demo/plan.c"
#include "../../../plugins/demo/sample.c"
#include "../../../plugins/demo/tokens.c"
#include "../../../plugins/demo/vectors.c"
