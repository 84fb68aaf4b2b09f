/* punnet: the operator's command line. A command is a file and a line in the table below. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/log.h"
#include "tool.h"

static const struct command commands[] = {
#define COMMAND(name, summary, help) {#name, summary, help, command_##name},
#include "commands.def"
#undef COMMAND
};

struct spelling {
	char text[32];
};

/* A command of two words is written with a dash. */
static struct spelling spelled(const char *name)
{
	struct spelling s;

	snprintf(s.text, sizeof(s.text), "%s", name);
	for (char *c = s.text; *c; c++)
		*c = *c == '_' ? '-' : *c;
	return s;
}

static void print_usage(FILE *out)
{
	fputs("usage: punnet COMMAND [OPTION…]\n\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-12s %s\n", spelled(commands[i].name).text, commands[i].summary);
	fputs(
	    "\nEvery command takes --config FILE (or PUNNET_CONFIG), --json and --help.\n"
	    "Exit status: 0 done, 1 found something wrong, 2 usage, 3 could not reach a server.\n",
	    out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(spelled(commands[i].name).text, name) == 0)
			return &commands[i];
	return NULL;
}

/* --config, PUNNET_CONFIG, the local stack's file when there is one; NULL means defaults and environment. */
static const char *config_path(const char *option, char *buffer, size_t len)
{
	const char *home = getenv("PUNNET_HOME");

	if (option)
		return option;
	if (getenv("PUNNET_CONFIG"))
		return getenv("PUNNET_CONFIG");
	snprintf(buffer, len, "%s/conf/punnet.yaml", home ? home : ".local");
	return access(buffer, R_OK) == 0 ? buffer : NULL;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct tool tool = {.terminal = isatty(STDERR_FILENO)};
	struct error error = {0};
	char buffer[4096];
	const char *path =
	    config_path(tool_option(&argc, argv, "--config"), buffer, sizeof(buffer));
	int status;

	tool.json = tool_flag(&argc, argv, "--json");
	log_start("punnet", LOG_LEVEL_WARN);
	if (strcmp(command->name, "config") != 0) {
		tool.config = config_load(path, &error);
		if (!tool.config) {
			fprintf(stderr, "%s\n", error.text);
			return TOOL_USAGE;
		}
	}
	status = command->run(&tool, argc, argv);
	tool_close(&tool);
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? TOOL_USAGE : TOOL_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("punnet " PUNNET_VERSION);
		return TOOL_DONE;
	}
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "punnet: no command \"%s\"; `punnet --help` lists them\n", argv[1]);
		return TOOL_USAGE;
	}
	argc--, argv++;
	if (tool_flag(&argc, argv, "--help")) {
		printf("punnet %s: %s\n\n%s", spelled(command->name).text, command->summary,
		       command->help);
		return TOOL_DONE;
	}
	return run_command(command, argc, argv);
}
