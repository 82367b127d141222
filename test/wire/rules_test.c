// Rules of who may come in from where: which one counts, and lines that are none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "wire/rules.h"

static bool is_member(void *context, const char *role)
{
  return strcmp(role, "staff") == 0 && strcmp(context, "ann") == 0;
}

static enum rule_method ask(const struct rules *rules, const char *address, bool has_tls, const char *database,
                            const char *user)
{
  struct socket_address peer;
  struct error error;
  assert_int_equal(socket_resolve(address, 1, &peer, &error), 0);
  struct rule_question question = {.peer = &peer, .has_tls = has_tls, .database = database, .user = user,
                                   .is_member = is_member, .context = (void *)(uintptr_t)user};
  return rules_find(rules, &question);
}

static void test_first_that_fits(void **state)
{
  static const char text[] = "# who may come in\r\n"
                             "local all all trust\n"
                             "host all all 127.0.0.0/8 trust\n"
                             "\n"
                             "hostnossl all all 10.0.0.0/8 reject # in the clear\n"
                             "hostssl shop , \"all\" bob,+staff 10.1.0.0 255.255.0.0 scram-sha-256\n"
                             "host sameuser all 10.2.0.0/16 scram-sha-256\n"
                             "host samerole all 10.3.0.0/16 md5\n"
                             "host all all 2001:db8::/32 scram-sha-256\n"
                             "host replication all all scram-sha-256";
  struct rules *rules;
  struct error error;
  assert_int_equal(rules_parse("hba", text, &rules, &error), 0);
  assert_int_equal(ask(rules, "127.3.2.1", false, "x", "y"), METHOD_TRUST);
  assert_int_equal(ask(rules, "::ffff:127.0.0.1", false, "x", "y"), METHOD_TRUST);
  assert_int_equal(ask(rules, "10.1.2.3", false, "shop", "bob"), METHOD_REJECT);
  assert_int_equal(ask(rules, "10.1.2.3", true, "shop", "bob"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "10.1.2.3", true, "all", "bob"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "10.1.2.3", true, "other", "bob"), METHOD_NONE);
  assert_int_equal(ask(rules, "10.1.2.3", true, "shop", "ann"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "10.1.2.3", true, "shop", "eve"), METHOD_NONE);
  assert_int_equal(ask(rules, "10.2.2.3", true, "eve", "eve"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "10.2.2.3", true, "shop", "eve"), METHOD_NONE);
  assert_int_equal(ask(rules, "10.3.2.3", true, "staff", "ann"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "10.3.2.3", true, "staff", "eve"), METHOD_NONE);
  assert_int_equal(ask(rules, "2001:db8::5", false, "x", "y"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "2001:db9::5", false, "replication", "y"), METHOD_NONE);
  assert_int_equal(ask(rules, "::1", false, "x", "y"), METHOD_NONE);
  rules_close(rules);
}

static void test_default(void **state)
{
  struct rules *rules = rules_default();
  assert_non_null(rules);
  assert_int_equal(ask(rules, "127.0.0.9", false, "x", "y"), METHOD_IF_ANY);
  assert_int_equal(ask(rules, "::1", false, "x", "y"), METHOD_IF_ANY);
  assert_int_equal(ask(rules, "10.0.0.1", true, "x", "y"), METHOD_SCRAM);
  assert_int_equal(ask(rules, "2001:db8::1", true, "x", "y"), METHOD_SCRAM);
  rules_close(rules);
}

static void test_malformed(void **state)
{
  static const struct { const char *text, *message; } cases[] = {
    {"host all all 10.0.0.0/8 trust", "hba, line 1: \"trust\" is for addresses within 127.0.0.0/8 and ::1/128: nobody "
                                      "comes from elsewhere without a password"},
    {"\nhost all all all trust", "hba, line 2: \"trust\" is for addresses within 127.0.0.0/8 and ::1/128: nobody comes "
                                 "from elsewhere without a password"},
    {"host all all ::/0 trust", "hba, line 1: \"trust\" is for addresses within 127.0.0.0/8 and ::1/128: nobody comes "
                                "from elsewhere without a password"},
    {"hosts all all all reject", "hba, line 1: invalid connection type \"hosts\""},
    {"host all all example.org reject", "hba, line 1: \"example.org\" is not an IP address: host names are not supported"},
    {"host all all 10.0.0.0/33 reject", "hba, line 1: invalid CIDR mask in address \"10.0.0.0/33\""},
    {"host all all 10.0.0.0 reject", "hba, line 1: the address \"10.0.0.0\" needs a mask: write /32 behind it"},
    {"host all all 10.0.0.0/8", "hba, line 1: end-of-line before address or method"},
    {"host all all all ldap", "hba, line 1: authentication method \"ldap\" is not supported: there are trust, "
                              "scram-sha-256 and reject"},
    {"host all all all reject x=1", "hba, line 1: \"x=1\": authentication options are not supported"},
    {"host all @users all reject", "hba, line 1: files of names are not supported"},
    {"host all \"bob all reject", "hba, line 1: a list or a name is too long, or a quote does not end"},
    {"host a b c d e f g h", "hba, line 1: too many fields"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct rules *rules;
    struct error error;
    assert_int_not_equal(rules_parse("hba", cases[i].text, &rules, &error), 0);
    assert_string_equal(error.sqlstate, "F0000");
    assert_string_equal(error.message, cases[i].message);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_that_fits), cmocka_unit_test(test_default),
                                     cmocka_unit_test(test_malformed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
