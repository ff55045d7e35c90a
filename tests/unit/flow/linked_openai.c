/* linked_openai.c - the openai provider, linked into these tests. */
#include "../provider/linked_openai.c"
