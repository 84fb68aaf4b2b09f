/* punnet config: is this file right, and what may stand in it? */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static int check(const char *path)
{
	struct error error = {0};
	struct config *config = config_load(path, &error);

	if (!config) {
		fprintf(stderr, "%s\n", error.text);
		return TOOL_FOUND;
	}
	config_free(config);
	printf("%s: fine\n", path);
	return TOOL_DONE;
}

static int reference(void)
{
	struct buf out = {0};

	config_write_reference(&out);
	fputs(buf_cstr(&out), stdout);
	buf_free(&out);
	return TOOL_DONE;
}

int command_config(struct tool *t, int argc, char **argv)
{
	(void)t;
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return check(argv[2]);
	if (argc == 2 && strcmp(argv[1], "reference") == 0)
		return reference();
	return tool_usage("config", "expected `check FILE` or `reference`");
}
