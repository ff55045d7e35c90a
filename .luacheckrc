-- What gateway.lua and the files it names may use; anything else is a warning.
-- `llm-gateway check --words` prints the same words from the program itself.
stds.config = {
    read_globals = {
        "listen", "plugins", "provider", "model", "project", "tag", "team", "key", "limits", "cors", "metrics", "ledger", "store", "budget", "policy", "env", "file",
        "ipairs", "pairs", "tonumber", "tostring", "type",
        math = { other_fields = true },
        string = { other_fields = true },
        table = { other_fields = true },
    },
}
std = "config"
max_line_length = 120
