/* Who is let in as a device, in every form that devices log in (docs/protocol/connection.md 3, 4,
 * 9). */
#include "tests/harness/harness.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define PID    "SUBPRODUC1"
#define NAME   "dev1"
#define ID     PID NAME
#define SECRET "ZGV2aWNlLW9uZS1wc2stLQ=="
#define OTHER  "ZGV2aWNlLXR3by1wc2stLQ=="

enum {
	REFUSED = 5,
	AWAIT_MS = 5000,
	USERNAME_MAX = 65535
};

/* A gateway whose hub is away: logins do not wait for it. */
static struct lan *start(struct lan_opts opts)
{
	struct lan *l;

	opts.hub_port = port_free();
	l = lan_start(&opts);
	CU_ASSERT_FATAL(l != NULL);
	return l;
}

/* CONNACK of one login that is ended at once. */
static int code_of(struct dev *d)
{
	int code = d ? dev_code(d) : -1;

	dev_disconnect(d);
	return code;
}

static int login(struct lan *l, const struct dev_opts *opts)
{
	return code_of(dev_connect(l, PID, NAME, SECRET, opts));
}

/* --- accepted --- */

/* What follows {pid}{dname} in the user name. */
static const char *const forms[] = {
	";21010406;Ab3dE;9223372036854775807", /* C, 64 bits */
	";21010406;x9Yz0;2147483647",          /* C, 32 bits; Java */
	";12010126;Q7ZK2;4102444800",          /* an expiry as in the documents */
	";21010406;Zz9aB;1760000000000",       /* Python: now, in milliseconds */
	";1;a;4102444800",                     /* any sdkappid */
	";00000000000000000000;Ab3dE;4102444800",
	";12010126;Ab3dE", /* documents of 2018: no expiry */
	";21010406;Ab3dE;18446744073709551615",
};

/* Every form, both hashes, both protocol levels. */
static void accepts_all_forms(struct lan *l, struct dev_opts opts)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		char *user = text_fmt(ID "%s", forms[i]);

		opts.username = user;
		for (int variant = 0; variant < 4; variant++) {
			opts.sha256 = variant & 1;
			opts.mqtt31 = variant & 2;
			if (login(l, &opts) != 0) {
				fprintf(stderr, "refused: %s, variant %d\n", user, variant);
				CU_FAIL("a form of the protocol is refused");
			}
		}
		free(user);
	}
}

static void every_login_form_is_accepted_in_clear_text(void)
{
	struct lan *l = start((struct lan_opts){ .deny_anonymous = true });

	accepts_all_forms(l, (struct dev_opts){ .port = 0 });
	lan_free(l);
}

static void every_login_form_is_accepted_over_tls_and_a_unix_socket(void)
{
	char *dir = dir_make();
	char *ca = text_fmt("%s/ca.pem", dir), *cert = text_fmt("%s/server.pem", dir);
	char *key = text_fmt("%s/server.key", dir);
	struct lan *l;

	CU_ASSERT_FATAL(certs_make(dir, "unused"));
	l = start((struct lan_opts){
		.deny_anonymous = true, .unix_socket = true, .tls_cert = cert, .tls_key = key });
	accepts_all_forms(l, (struct dev_opts){ .tls_ca = ca, .port = lan_tls_port(l) });
	accepts_all_forms(l, (struct dev_opts){ .unix_path = lan_unix_path(l) });
	lan_free(l);
	dir_remove(dir);
	free(dir);
	free(ca);
	free(cert);
	free(key);
}

#define ACCOUNT(pid, name, secret)                                                                \
	"{\"devices\":[{\"product_id\":\"" pid "\",\"device_name\":\"" name "\",\"secret\":\"" secret \
	"\"}]}"

/* docs/protocol/connection.md 4, letter by letter. */
static const struct vector {
	const char *patch, *username, *password;
	bool expires; /* in the past: refused where the clock is known to be right */
	int code;
} vectors[] = {
	{ ACCOUNT("ABCDE12345", "gateway01", "MDEyMzQ1Njc4OWFiY2RlZg=="),
	  "ABCDE12345gateway01;21010406;Ab3dE;9223372036854775807",
	  "501df9a0196c6b69786684d3608f070111bd6809;hmacsha1", false, 0 },
	{ ACCOUNT("ABCDE12345", "gateway01", "MDEyMzQ1Njc4OWFiY2RlZg=="),
	  "ABCDE12345gateway01;12010126;Q7ZK2;1893456000",
	  "df4120a77459e2cbccbeb6f6826063da1d75b57b8fa63f4c226aaed8b4723228;hmacsha256", false, 0 },
	{ ACCOUNT("ABCDE12345", "gateway01", "MDEyMzQ1Njc4OWFiY2RlZg=="),
	  "ABCDE12345gateway01;12010126;Q7ZK2;1893456000",
	  "6c2dabb41c806ef7ea68de35fe8128f211677c9cdcd7b44ab0e851007930cf5b;hmacsha256", false,
	  REFUSED },
	{ ACCOUNT("ABCDE12345", "gateway01", "AAECAwQFBgcICQoLDA0ODw=="),
	  "ABCDE12345gateway01;21010406;x9Yz0;2147483647",
	  "8419730e0337588177871e61f519fa9194771c16;hmacsha1", false, 0 },
	{ ACCOUNT("PRODUCT001", "dev-A_1:x", "c2VjcmV0LWtleS1vZi1hcmJpdHJhcnktbGVuZ3RoLTMy"),
	  "PRODUCT001dev-A_1:x;12010126;00000;1767225600",
	  "b5bd34713406fdb38c5d4480223e7fb2a0c676a781bce0d40a255cfdd1459a52;hmacsha256", true, 0 },
};

static bool clock_is_trusted(void)
{
	struct timex t = { .modes = 0 };

	return adjtimex(&t) != TIME_ERROR;
}

static void vectors_of_the_protocol_hold_and_a_key_that_was_not_decoded_does_not(void)
{
	struct lan *l = start((struct lan_opts){ .patch = vectors[0].patch, .deny_anonymous = true });
	const char *loaded = vectors[0].patch;

	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const struct vector *v = &vectors[i];
		char *id = strndup(v->username, strcspn(v->username, ";"));
		struct dev_opts o = { .client_id = id, .username = v->username, .password = v->password };
		int expected = v->expires && clock_is_trusted() ? REFUSED : v->code;

		if (strcmp(loaded, v->patch) != 0) {
			CU_ASSERT_FATAL(lan_configure(l, v->patch) && lan_restart(l));
			loaded = v->patch;
		}
		CU_ASSERT_EQUAL(code_of(client_connect(lan_port(l), &o)), expected);
		free(id);
	}
	lan_free(l);
}

static void longest_device_name_is_accepted(void)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789:_-ABCDEFGHI";
	char *patch = text_fmt("{\"devices\":[{\"product_id\":\"" PID "\",\"device_name\":\"%s\","
	                       "\"secret\":\"" SECRET "\"}]}",
	                       name);
	struct lan *l = start((struct lan_opts){ .patch = patch, .deny_anonymous = true });

	CU_ASSERT_EQUAL(strlen(name), 48);
	CU_ASSERT_EQUAL(code_of(dev_connect(l, PID, name, SECRET, NULL)), 0);
	free(patch);
	lan_free(l);
}

static void expired_signature_is_refused_when_the_clock_is_right(void)
{
	struct lan *l = start((struct lan_opts){ .deny_anonymous = true });
	struct dev_opts past = { .username = ID ";21010406;Ab3dE;1500000000" };

	CU_ASSERT_EQUAL(login(l, &past), clock_is_trusted() ? REFUSED : 0);
	lan_free(l);
}

/* --- refused --- */

/* On a broker that lets anybody else in: who is refused here is refused by hubgate. */
static const struct refusal {
	const char *what;
	struct dev_opts opts; /* absent parts: those of dev1, signed with its secret */
	const char *secret;
	const char *log;
} refusals[] = {
	{ "secret of another device", { .port = 0 }, OTHER, "wrong password" },
	{ "no password", { .password = "" }, SECRET, "no password" },
	{ "password without algorithm",
	  { .password = "501df9a0196c6b69786684d3608f070111bd6809" },
	  SECRET,
	  "wrong password" },
	{ "unknown algorithm",
	  { .password = "501df9a0196c6b69786684d3608f070111bd6809;hmacmd5" },
	  SECRET,
	  "wrong password" },
	{ "empty signature", { .password = ";hmacsha1" }, SECRET, "wrong password" },
	{ "client id of another device", { .client_id = PID "dev2" }, SECRET, "is another device's" },
	{ "client id of the gateway", { .client_id = "GWPRODUCT1gw1" }, SECRET, "is another device's" },
	{ "client id of the broker itself", { .client_id = "http-api" }, SECRET, "the broker's own" },
	{ "secret of another device, client id of nobody",
	  { .client_id = "kitchen" },
	  OTHER,
	  "wrong password" },
	{ "device's id with plain credentials",
	  { .username = "alice", .password = "secret" },
	  SECRET,
	  "user name is not the hub's form" },
	{ "device's id without credentials",
	  { .username = "", .password = "" },
	  SECRET,
	  "user name is not the hub's form" },
	{ "user name of two fields", { .username = ID ";21010406" }, SECRET, "not the hub's form" },
	{ "expiry that is no number", { .username = ID ";1;a;soon" }, SECRET, "not the hub's form" },
	{ "user name of one field", { .username = ID }, SECRET, "not the hub's form" },
	{ "unknown device",
	  { .client_id = PID "dev3", .username = PID "dev3;1;a;4102444800" },
	  SECRET,
	  "unknown device" },
	{ "the gateway itself with a device's secret",
	  { .client_id = "GWPRODUCT1gw1", .username = "GWPRODUCT1gw1;1;a;4102444800" },
	  SECRET,
	  "wrong password" },
};

static void wrong_logins_are_refused_and_the_log_says_why(void)
{
	struct lan *l = start((struct lan_opts){ .no_plugin = false });

	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		const struct refusal *r = &refusals[i];
		int code = code_of(dev_connect(l, PID, NAME, r->secret, &r->opts));

		if (code != REFUSED || !lan_log_await(l, r->log, AWAIT_MS)) {
			fprintf(stderr, "%s: code %d\n", r->what, code);
			CU_FAIL("a wrong login is let in, or the log does not say why not");
		}
		CU_ASSERT_EQUAL(login(l, NULL), 0); /* and what repeats is news again */
	}
	lan_free(l);
}

static void wildcards_and_slashes_in_ids_make_no_device(void)
{
	static const char *const ids[] = { PID "+", PID "#",          PID "dev1/x", PID "dev1#",
		                               "+dev1", "##########dev1", PID "",       PID "dev 1" };
	struct lan *l = start((struct lan_opts){ .deny_anonymous = true });

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		char *user = text_fmt("%s;21010406;Ab3dE;9223372036854775807", ids[i]);
		struct dev_opts o = { .client_id = ids[i], .username = user };

		CU_ASSERT_EQUAL(login(l, &o), REFUSED);
		free(user);
	}
	lan_free(l);
}

static void longest_user_name_is_refused(void)
{
	static const char head[] = ID ";21010406;";
	struct lan *l = start((struct lan_opts){ .no_plugin = false });
	char *user = calloc(1, USERNAME_MAX + 1);
	struct dev_opts big = { .username = user };

	memset(user, '7', USERNAME_MAX);
	memcpy(user, head, sizeof head - 1);
	CU_ASSERT_EQUAL(login(l, &big), REFUSED);
	CU_ASSERT_EQUAL(login(l, NULL), 0);
	free(user);
	lan_free(l);
}

/* As seven public programs do: the device's name, its product, a suffix, a chip's number, nothing.
 */
static void other_client_id_that_is_nobodys_is_accepted(void)
{
	static const char *const ids[] = {
		NAME, PID, ID "x", PID "dev", ID "_1764276970", "esp8266-3f21", "kitchen",
	};
	struct lan *l = start((struct lan_opts){ .deny_anonymous = true });
	char *password = cred_password(SECRET, ID ";21010406;Ab3dE;4102444800", false);
	struct dev_opts o = { .username = ID ";21010406;Ab3dE;4102444800", .password = password };

	CU_ASSERT_EQUAL(code_of(client_connect(lan_port(l), &o)), 0); /* none: the broker makes one */
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		o.client_id = ids[i];
		CU_ASSERT_EQUAL(code_of(client_connect(lan_port(l), &o)), 0);
	}
	free(password);
	lan_free(l);
}

static void refused_login_does_not_disturb_the_device_that_is_there(void)
{
	struct lan *l = start((struct lan_opts){ .no_plugin = false });
	struct dev *d = dev_connect(l, PID, NAME, SECRET, NULL);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(code_of(dev_connect(l, PID, NAME, OTHER, NULL)), REFUSED);
	CU_ASSERT_EQUAL(dev_subscribe(d, PID "/" NAME "/control", 1), 1);
	CU_ASSERT(dev_connected(d));
	dev_disconnect(d);
	lan_free(l);
}

/* --- MQTT 5 --- */

/* Exit status of mosquitto_pub -V 5 that publishes on the device's event topic. */
static int publish_v5(struct lan *l, const char *secret)
{
	char *user = cred_username(PID, NAME), *password = cred_password(secret, user, true);
	char *port = text_fmt("%d", lan_port(l)), *log = text_fmt("%s/v5.log", lan_dir(l));
	char *command = text_fmt("exec mosquitto_pub -V 5 -h 127.0.0.1 -p %s -i " ID " -u '%s' -P '%s' "
	                         "-q 1 -t " PID "/" NAME "/event -m five",
	                         port, user, password);
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, command, NULL };
	struct proc *p = proc_start(argv, NULL, log);
	int status = -1;

	if (!p || proc_wait(p, AWAIT_MS, &status) < 0)
		harness_failed("mosquitto_pub did not end");
	proc_free(p);
	free(user);
	free(password);
	free(port);
	free(log);
	free(command);
	return status;
}

static void mqtt_5_clients_are_devices_too(void)
{
	struct sim *s = sim_start(NULL);
	struct lan_opts opts = { .deny_anonymous = true };
	struct lan *l;

	CU_ASSERT_FATAL(s != NULL);
	opts.hub_port = sim_port(s);
	l = lan_start(&opts);
	CU_ASSERT_FATAL(l != NULL);
	CU_ASSERT_EQUAL(publish_v5(l, SECRET), 0);
	CU_ASSERT(sim_await_event(s, AWAIT_MS, "ev", "publish", "topic", PID "/" NAME "/event",
	                          "payload", "five", NULL) != NULL);
	CU_ASSERT_NOT_EQUAL(publish_v5(l, OTHER), 0);
	lan_free(l);
	sim_stop(s);
}

/* --- secrecy --- */

/* True when a line of hubgate's in the broker's log holds one of the texts. */
static bool betrayed(struct lan *l, char *const texts[], size_t count)
{
	char *path = text_fmt("%s/mosquitto.log", lan_dir(l)), *log = file_read(path), *save = NULL;
	bool found = false, ours = false;

	for (char *line = log ? strtok_r(log, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!strstr(line, ": hubgate: "))
			continue;
		ours = true;
		for (size_t i = 0; i < count; i++)
			found |= texts[i] && strstr(line, texts[i]);
	}
	CU_ASSERT(ours);
	free(path);
	free(log);
	return found;
}

static void log_lines_never_hold_a_secret_password_or_signature(void)
{
	char *user = cred_username(PID, NAME);
	char *good = cred_password(SECRET, user, false), *bad = cred_password(OTHER, user, true);
	struct dev_opts accepted = { .username = user, .password = good };
	struct dev_opts refused = { .username = user, .password = bad };
	struct dev_opts plain = { .username = "alice", .password = "alices-password" };
	struct dev_opts other_id = { .client_id = "http-api", .username = user, .password = good };
	char *texts[] = { good,
		              bad,
		              (char[]){ SECRET },
		              (char[]){ OTHER },
		              (char[]){ "alices-password" },
		              (char[]){ "Z2F0ZXdheS1vbmUtcHNrIQ==" },
		              (char[]){ "device-one-psk--" },
		              NULL,
		              NULL };
	struct lan *l = start((struct lan_opts){ .no_plugin = false });

	texts[7] = strndup(good, strcspn(good, ";"));
	texts[8] = strndup(bad, strcspn(bad, ";"));
	CU_ASSERT_EQUAL(login(l, &accepted), 0);
	CU_ASSERT_EQUAL(login(l, &refused), REFUSED);
	CU_ASSERT_EQUAL(login(l, &plain), REFUSED);
	CU_ASSERT_EQUAL(login(l, &other_id), REFUSED);
	CU_ASSERT(lan_log_await(l, "is the broker's own", AWAIT_MS));
	CU_ASSERT_FALSE(betrayed(l, texts, sizeof texts / sizeof texts[0]));
	free(texts[7]);
	free(texts[8]);
	free(user);
	free(good);
	free(bad);
	lan_free(l);
}

SUITE(login, TEST(every_login_form_is_accepted_in_clear_text),
      TEST(every_login_form_is_accepted_over_tls_and_a_unix_socket),
      TEST(vectors_of_the_protocol_hold_and_a_key_that_was_not_decoded_does_not),
      TEST(longest_device_name_is_accepted),
      TEST(expired_signature_is_refused_when_the_clock_is_right),
      TEST(wrong_logins_are_refused_and_the_log_says_why),
      TEST(wildcards_and_slashes_in_ids_make_no_device), TEST(longest_user_name_is_refused),
      TEST(other_client_id_that_is_nobodys_is_accepted),
      TEST(refused_login_does_not_disturb_the_device_that_is_there),
      TEST(mqtt_5_clients_are_devices_too),
      TEST(log_lines_never_hold_a_secret_password_or_signature))
