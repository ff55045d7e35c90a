/* policy_new.h - llm-gateway policy new. */
#ifndef CLI_POLICY_NEW_H
#define CLI_POLICY_NEW_H

/* Writes NAME.lua and NAME_test.lua here; `when` NULL: a rule about the length. The exit code. */
int policy_new(const char *name, const char *when);

#endif
