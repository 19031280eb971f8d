#include "plugin/config_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fakes/certs.h"
#include "tests/runner.h"

#define PSK  "Z2F0ZXdheS1vbmUtcHNrIQ=="
#define HEAD "{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
#define TAIL "},\"store\":{\"dir\":\"/d\"}}"

static char dir[64];
static struct config cfg;
static struct config_report rep;

static void enter(void)
{
	strcpy(dir, "/tmp/hubgate-config-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static const char *in_dir(const char *name)
{
	static char paths[2][128];
	static int turn;

	turn = !turn;
	snprintf(paths[turn], sizeof paths[turn], "%s/%s", dir, name);
	return paths[turn];
}

static void put(const char *name, mode_t mode, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	chmod(in_dir(name), mode);
}

static void leave(void)
{
	const char *names[] = { "hubgate.json", "psk", "link", "fifo" };

	config_free(&cfg);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(in_dir(names[i]));
	rmdir(dir);
}

static enum status load(void)
{
	config_free(&cfg);
	return config_file_load(in_dir("hubgate.json"), &cfg, &rep);
}

static bool error_has(const char *part)
{
	return rep.error_count == 1 && strstr(rep.errors[0], part);
}

static void a_closed_file_with_secrets_is_read(void)
{
	enter();
	put("hubgate.json", 0640, HEAD "\"secret\":\"" PSK "\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.gateway.secret.text, PSK);
	leave();
}

static void an_open_file_with_secrets_is_refused_with_the_command_that_mends_it(void)
{
	enter();
	for (int i = 0; i < 3; i++) {
		put("hubgate.json", (mode_t[]){ 0644, 0642, 0641 }[i], HEAD "\"secret\":\"" PSK "\"" TAIL);
		CU_ASSERT_EQUAL(load(), ST_DENIED);
		CU_ASSERT(error_has("chmod 0640 /tmp/hubgate-config-"));
		CU_ASSERT(error_has((const char *[]){ "mode 0644", "mode 0642", "mode 0641" }[i]));
		CU_ASSERT_PTR_NULL(cfg.store.dir);
	}
	leave();
}

static void an_open_file_without_secrets_is_read(void)
{
	enter();
	put("psk", 0400, PSK "\n");
	put("hubgate.json", 0644, HEAD "\"secret_file\":\"psk\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.gateway.secret.text, PSK);
	leave();
}

static void an_open_secret_file_is_refused(void)
{
	enter();
	put("psk", 0644, PSK);
	put("hubgate.json", 0644, HEAD "\"secret_file\":\"psk\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_INVALID);
	CU_ASSERT(error_has(":1: gateway.secret_file: /tmp/hubgate-config-"));
	CU_ASSERT(error_has("(mode 0644); run: chmod 0640 /tmp/hubgate-config-"));
	leave();
}

static void links_to_secrets_are_followed(void)
{
	enter();
	put("psk", 0440, PSK);
	CU_ASSERT_EQUAL(symlink("psk", in_dir("link")), 0);
	put("hubgate.json", 0644, HEAD "\"secret_file\":\"link\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_OK);
	chmod(in_dir("psk"), 0444);
	CU_ASSERT_EQUAL(load(), ST_INVALID);
	leave();
}

static void in_a_container_open_secrets_are_read_unless_others_can_write_them(void)
{
	enter();
	setenv("HUBGATE_CONTAINER", "1", 1);
	put("psk", 0444, PSK);
	put("hubgate.json", 0644, HEAD "\"secret_file\":\"psk\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_OK);
	chmod(in_dir("psk"), 0646);
	CU_ASSERT_EQUAL(load(), ST_INVALID);
	chmod(in_dir("psk"), 0444);
	setenv("HUBGATE_CONTAINER", "0", 1);
	CU_ASSERT_EQUAL(load(), ST_INVALID);
	unsetenv("HUBGATE_CONTAINER");
	leave();
}

static void secrets_come_from_the_environment(void)
{
	enter();
	setenv("HUBGATE_TEST_PSK", PSK, 1);
	put("hubgate.json", 0644, HEAD "\"secret_env\":\"HUBGATE_TEST_PSK\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.gateway.secret.text, PSK);
	unsetenv("HUBGATE_TEST_PSK");
	leave();
}

static void what_is_no_regular_file_is_refused(void)
{
	enter();
	CU_ASSERT_EQUAL(load(), ST_NOTFOUND);
	CU_ASSERT(error_has("cannot be read by user id"));
	CU_ASSERT_EQUAL(mkfifo(in_dir("fifo"), 0600), 0);
	put("hubgate.json", 0644, HEAD "\"secret_file\":\"fifo\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_INVALID);
	CU_ASSERT(error_has("is not a regular file"));
	CU_ASSERT_EQUAL(config_file_load(dir, &cfg, &rep), ST_INVALID);
	leave();
}

static void a_secret_file_of_any_size_is_bounded(void)
{
	char many[6000];

	memset(many, 'A', sizeof many - 1);
	many[sizeof many - 1] = '\0';
	enter();
	put("psk", 0600, many);
	put("hubgate.json", 0644, HEAD "\"secret_file\":\"psk\"" TAIL);
	CU_ASSERT_EQUAL(load(), ST_INVALID);
	CU_ASSERT(error_has("too large"));
	leave();
}

/* --- TLS --- */

/* hubgate.json with these files, "" none, and what its only error says after "FILE:1: ". */
static bool tls_refused(const char *ca, const char *cert, const char *key, const char *device,
                        const char *says)
{
	char text[1024], *error;

	snprintf(text, sizeof text,
	         HEAD "\"cert_file\":\"%s\",\"key_file\":\"%s\"},\"hub\":{\"ca_file\":\"%s\"},"
	              "\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\","
	              "\"certificate\":true,\"cert_file\":\"%s\"}],\"store\":{\"dir\":\"/d\"}}",
	         cert, key, ca, device);
	put("hubgate.json", 0640, text);
	if (load() == ST_OK)
		return says == NULL;
	error = rep.errors[0] + strlen(in_dir("hubgate.json"));
	if (says && rep.error_count == 1 && strncmp(error, ":1: ", 4) == 0 && strstr(error, says))
		return true;
	for (size_t i = 0; i < rep.error_count; i++)
		fprintf(stderr, "%s\n", rep.errors[i]);
	return false;
}

static void files_of_tls_that_cannot_be_used_are_found_with_key_and_fix(void)
{
	static const struct cert_wish wishes[] = {
		{ .name = "ca", .to_s = 86400 },
		{ .name = "gw", .issuer = "ca", .to_s = 86400 },
		{ .name = "dev", .issuer = "ca", .to_s = 86400 },
	};
	char *certs = certs_dir();
	const char *ca, *gw, *gw_key, *dev, *dev_key;
	char text[160];

	enter();
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++)
		certs_make(certs, &wishes[i]);
	ca = certs_path(certs, "ca", "pem");
	gw = certs_path(certs, "gw", "pem");
	gw_key = certs_path(certs, "gw", "key");
	dev = certs_path(certs, "dev", "pem");
	dev_key = certs_path(certs, "dev", "key");
	put("psk", 0640, "no certificate");
	snprintf(text, sizeof text, "%s", in_dir("psk"));
	CU_ASSERT(tls_refused(ca, gw, gw_key, dev, NULL));
	CU_ASSERT(tls_refused("/nowhere/ca.pem", gw, gw_key, dev,
	                      "hub.ca_file: /nowhere/ca.pem cannot be read by user id"));
	CU_ASSERT(tls_refused(gw_key, gw, gw_key, dev, "hub.ca_file: "));
	CU_ASSERT(tls_refused(text, gw, gw_key, dev, "/psk holds no certificate (PEM); name"));
	CU_ASSERT(tls_refused(ca, text, gw_key, dev, "/psk holds no certificate (PEM); download"));
	CU_ASSERT(tls_refused(ca, gw, text, dev, "/psk holds no private key (PEM)"));
	CU_ASSERT(tls_refused(ca, gw, dev_key, dev, "is not the key of cert_file; take both"));
	CU_ASSERT(tls_refused(ca, gw, gw_key, text, "/psk is no certificate; name"));
	leave();
	certs_remove(certs);
}

static bool warned_of(const char *ca, const char *gw, const char *key, const char *dev,
                      const char *says)
{
	bool ok = tls_refused(ca, gw, key, dev, NULL) && rep.warning_count == 1 &&
	          strstr(rep.warnings[0], says) != NULL;

	for (size_t i = 0; i < rep.warning_count && !ok; i++)
		fprintf(stderr, "%s\n", rep.warnings[i]);
	config_free(&cfg);
	return ok;
}

/* The clock may be what is wrong, so the LAN is served. */
static void certificates_out_of_their_time_are_warned_about_at_the_start(void)
{
	static const struct cert_wish wishes[] = {
		{ .name = "ca", .to_s = 86400 },
		{ .name = "oldca", .from_s = -86400, .to_s = -3600 },
		{ .name = "old", .issuer = "ca", .from_s = -86400, .to_s = -3600 },
		{ .name = "early", .issuer = "ca", .from_s = 3600, .to_s = 86400 },
		{ .name = "gw", .issuer = "ca", .to_s = 86400 },
	};
	char *certs = certs_dir();
	char ca[160], old_ca[160], gw[160];

	enter();
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++)
		certs_make(certs, &wishes[i]);
	snprintf(ca, sizeof ca, "%s", certs_path(certs, "ca", "pem"));
	snprintf(old_ca, sizeof old_ca, "%s", certs_path(certs, "oldca", "pem"));
	snprintf(gw, sizeof gw, "%s", certs_path(certs, "gw", "pem"));
	CU_ASSERT(warned_of(ca, certs_path(certs, "old", "pem"), certs_path(certs, "old", "key"), gw,
	                    "gateway.cert_file: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(rep.warnings[0], "has expired by this machine's clock"));
	CU_ASSERT(warned_of(ca, certs_path(certs, "early", "pem"), certs_path(certs, "early", "key"),
	                    gw, "is not valid yet by this machine's clock"));
	CU_ASSERT(warned_of(old_ca, gw, certs_path(certs, "gw", "key"), gw, "hub.ca_file: "));
	leave();
	certs_remove(certs);
}

SUITE(config_file, TEST(a_closed_file_with_secrets_is_read),
      TEST(an_open_file_with_secrets_is_refused_with_the_command_that_mends_it),
      TEST(an_open_file_without_secrets_is_read), TEST(an_open_secret_file_is_refused),
      TEST(links_to_secrets_are_followed),
      TEST(in_a_container_open_secrets_are_read_unless_others_can_write_them),
      TEST(secrets_come_from_the_environment), TEST(what_is_no_regular_file_is_refused),
      TEST(a_secret_file_of_any_size_is_bounded),
      TEST(files_of_tls_that_cannot_be_used_are_found_with_key_and_fix),
      TEST(certificates_out_of_their_time_are_warned_about_at_the_start))
