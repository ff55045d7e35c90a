/* policy_editor.h - llm-gateway policy editor. */
#ifndef CLI_POLICY_EDITOR_H
#define CLI_POLICY_EDITOR_H

/* Writes gw.lua, .luacheckrc and .luarc.json into the folder; what is there and was not written by this stays. The exit code. */
int policy_editor(const char *folder);

#endif
