/* gen_cli_docs --man | --completion: docs/man/hubgate.1 and conf/completion/hubgate from the
 * commands' own table and help (cli/commands.c). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/cli.h"

enum {
	OPTION_MAX = 64
};

/* --- the man page --- */

/* As it stands: roff takes a backslash, and a dot or quote that begins a line, for its own. */
static void put_roff(const char *text)
{
	bool begins = true;

	for (; *text; text++) {
		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
		begins = *text == '\n';
	}
}

static void put_example(const char *text)
{
	puts(".nf");
	put_roff(text);
	puts(".fi");
}

static void put_command(const struct cli_command *c)
{
	printf(".SS \"hubgate ");
	put_roff(c->name);
	puts("\"");
	put_example(c->help);
}

static void man(void)
{
	puts(
		".\\\" Made by `make docs` from the commands' own help. Do not edit.\n"
		".TH HUBGATE 1 \"\" hubgate \"User commands\"\n"
		".SH NAME\n"
		"hubgate \\- sets up, looks at and commands a gateway of the Tencent Cloud IoT Hub\n"
		".SH SYNOPSIS\n"
		".B hubgate\n"
		".I COMMAND\n"
		"[\\fIOPTION\\fR ...]\n"
		".SH DESCRIPTION\n"
		"hubgate is a plugin that makes a Mosquitto broker a gateway of the Tencent Cloud IoT Hub.\n"
		"This command writes its first configuration, says what is wrong and how to mend it, and\n"
		"asks or commands hubgate in a running broker.\n"
		".SH COMMANDS");
	for (size_t i = 0; i < cli_command_count; i++)
		put_command(cli_commands[i]);
	puts(".SH CONNECTION\n"
	     "Of all commands that ask a running broker (those whose usage ends with OPTION):");
	put_example(arguments_help);
	puts(
		".SH EXIT STATUS\n"
		"0: done. 1: could not be done, or something is not as it should be. 2: wrong usage.\n"
		".SH FILES\n"
		".TP\n"
		".I /etc/mosquitto/hubgate.json\n"
		"the configuration\n"
		".TP\n"
		".I control.token\n"
		"in store.dir: what the command logs in with; for the broker's user alone, new at each start\n"
		".SH SEE ALSO\n"
		".BR mosquitto (8),\n"
		".BR mosquitto.conf (5),\n"
		".BR mosquitto_ctrl (1)");
}

/* --- completion --- */

/* The options that a help text names at the beginnings of its lines. */
static void put_options(const char *help)
{
	for (const char *line = help; line; line = strchr(line, '\n')) {
		const char *at = line + strspn(line, "\n ");
		size_t len;

		line = at;
		if (*at == '-' && at[1] != '-' && isalpha((unsigned char)at[1]) && at[2] == ',')
			at += strspn(at + 3, " ") + 3;
		len = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		if (strncmp(at, "--", 2) == 0 && len > 2)
			printf(" %.*s", (int)len, at);
	}
}

static void completion(void)
{
	puts(
		"# bash completion for hubgate. Made by `make docs` from the commands' own help. Do not edit.\n"
		"_hubgate()\n"
		"{\n"
		"\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
		"\tCOMPREPLY=()\n"
		"\tcase $before in\n"
		"\t--config | --cafile | --cert | --key | --unix | --options | -o | --mosquitto | --output | --log)\n"
		"\t\tcompopt -o filenames 2>/dev/null\n"
		"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
		"\t\treturn\n"
		"\t\t;;\n"
		"\tesac\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then");
	printf("\t\twords='");
	for (size_t i = 0; i < cli_command_count; i++)
		printf("%s ", cli_commands[i]->name);
	puts("version --help'\n"
	     "\telse\n"
	     "\t\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; i < cli_command_count; i++) {
		printf("\t\t%s) words='--help", cli_commands[i]->name);
		put_options(cli_commands[i]->help);
		if (cli_commands[i]->asks)
			put_options(arguments_help);
		puts("' ;;");
	}
	puts("\t\tesac\n"
	     "\t\tcase ${COMP_WORDS[1]},$COMP_CWORD in\n"
	     "\t\tdevice,2) words=\"show $words\" ;;\n"
	     "\t\tshadow,2) words=\"get set $words\" ;;\n"
	     "\t\tfirmware,2) words=\"resume $words\" ;;\n"
	     "\t\tlog-level,2) words=\"error warn note fine $words\" ;;\n"
	     "\t\tesac\n"
	     "\tfi\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	     "}\n"
	     "complete -o default -F _hubgate hubgate");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--man") == 0)
		man();
	else if (argc == 2 && strcmp(argv[1], "--completion") == 0)
		completion();
	else
		return 2;
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
