#include "cli/session.h"

#include "cli/answer.h"

int session_begin(const struct cli_command *c, int argc, char **argv,
                  const struct session_line *line, struct session *s)
{
	static const struct session_line nothing = { .wants = "" };
	int code;

	if (!line)
		line = &nothing;
	*s = (struct session){ .command = c };
	code = arguments_take(c, argc, argv, line->own, line->count, &s->arguments);
	if (code != CLI_OK)
		return code;
	code = arguments_rest(c, &s->arguments, line->least, line->most, line->wants);
	if (code != CLI_OK)
		session_end(s);
	return code;
}

void session_end(struct session *s)
{
	control_call_close(s->call);
	arguments_free(&s->arguments);
	s->call = NULL;
}

static int connect_once(struct session *s)
{
	return s->call ? CLI_OK : control_call_open(s->command, &s->arguments.link, NULL, &s->call);
}

int session_ask(struct session *s, const char *command, cJSON *members, cJSON **data)
{
	int code = connect_once(s);

	*data = NULL;
	if (code == CLI_OK)
		return control_call_ask(s->call, command, members, data);
	cJSON_Delete(members);
	return code;
}

int session_pages(struct session *s, const char *command, const cJSON *members, const char *list,
                  cJSON **data)
{
	int code = connect_once(s);

	*data = NULL;
	return code == CLI_OK ? control_call_pages(s->call, command, members, list, data) : code;
}

int session_ask_device(struct session *s, const char *command, const char *text, cJSON **data)
{
	struct cli_name name;
	int code = cli_take_name(s->command, text, &name);

	*data = NULL;
	return code == CLI_OK ? session_ask(s, command, control_call_device(&name), data) : code;
}

int session_show(struct session *s, int code, cJSON *data, void (*show)(const cJSON *data))
{
	if (code == CLI_OK && s->arguments.json)
		code = answer_print_json(s->command, data);
	else if (code == CLI_OK)
		show(data);
	cJSON_Delete(data);
	return code;
}
