/* linked_anthropic.c - the anthropic provider, linked into these tests. */
#include "../provider/linked_anthropic.c"
