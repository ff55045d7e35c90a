/* linked_azure.c - the azure provider, linked into the tests; what it has of the openai provider is in
 * linked_openai.c. */
#define GW_BUILTIN azure
#include "../../../plugins/openai/azure.c"
