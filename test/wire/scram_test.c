// SCRAM-SHA-256: the example of RFC 7677; wrong proofs, other nonces, bindings; names without a password.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "wire/scram.h"

static const uint8_t secret[32] = {7}, nonce[18] = {9};
// Of the password "pencil", with the salt of RFC 7677.
static const char verifier[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                               "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
static const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static void open_login(struct scram *scram, const char *of, struct bytes binding)
{
  struct scram_options options = {.user = "user", .verifier = of, .secret = secret, .nonce = nonce, .binding = binding};
  scram_open(scram, &options);
}

// The login of the RFC up to its last message, which is given; the server's nonce is the RFC's.
static int finish(struct scram *scram, const char *of, const char *last, struct buffer *answer, struct error *error)
{
  open_login(scram, of, (struct bytes){0});
  snprintf(scram->nonce, sizeof scram->nonce, "%%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  error_clear(error);
  assert_int_equal(scram_first(scram, "SCRAM-SHA-256", bytes_of_string(first), answer, error), 0);
  buffer_clear(answer);
  return scram_final(scram, bytes_of_string(last), answer, error);
}

static void test_rfc(void **state)
{
  struct scram scram;
  struct buffer answer = {0};
  struct error error;
  open_login(&scram, verifier, (struct bytes){0});
  snprintf(scram.nonce, sizeof scram.nonce, "%%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  assert_int_equal(scram_first(&scram, "SCRAM-SHA-256", bytes_of_string(first), &answer, &error), 0);
  assert_true(bytes_equal(buffer_bytes(&answer), bytes_of_string("r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
  buffer_clear(&answer);
  assert_int_equal(scram_final(&scram, bytes_of_string("c=biws,r=" NONCE ",p=" PROOF), &answer, &error), 0);
  assert_int_equal(scram.state, SCRAM_DONE);
  assert_true(bytes_equal(buffer_bytes(&answer), bytes_of_string("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
  buffer_deinit(&answer);
  scram_close(&scram);
}

static void test_wrong(void **state)
{
  static const struct { const char *last, *sqlstate; } cases[] = {
    {"c=biws,r=" NONCE ",p=AHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", ""}, // a wrong password
    {"c=biws,r=" NONCE ",p=" PROOF "AAAA", "08P01"},
    {"c=biws,r=" NONCE ",p=", "08P01"},
    {"c=biws,r=" NONCE, "08P01"},
    {"c=biws,r=" NONCE ",p=" PROOF ",x=1", "08P01"},
    {"c=biws,r=" NONCE "x,p=" PROOF, "08P01"},
    {"c=biws,r=,p=" PROOF, "08P01"},
    {"c=eSws,r=" NONCE ",p=" PROOF, "08P01"},
    {"r=" NONCE ",p=" PROOF, "08P01"},
    {"", "08P01"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct scram scram;
    struct buffer answer = {0};
    struct error error;
    int status = finish(&scram, verifier, cases[i].last, &answer, &error);
    assert_int_equal(status != 0, cases[i].sqlstate[0] != 0);
    assert_string_equal(status ? error.sqlstate : "", cases[i].sqlstate);
    assert_int_equal(scram.state, SCRAM_FAILED);
    buffer_deinit(&answer);
    scram_close(&scram);
  }
}

// Who has no password gets the same salt each time, and fails even with a proof that would be right.
static void test_unknown(void **state)
{
  struct scram one, other;
  open_login(&one, NULL, (struct bytes){0});
  open_login(&other, "", (struct bytes){0});
  assert_string_equal(one.salt, other.salt);
  assert_int_equal(one.iterations, 4096);
  assert_int_equal(strlen(one.salt), 24);
  scram_close(&one);
  struct buffer answer = {0};
  struct error error;
  other = (struct scram){0};
  assert_int_equal(finish(&other, "nonsense", "c=biws,r=" NONCE ",p=" PROOF, &answer, &error), 0);
  assert_int_equal(other.state, SCRAM_FAILED);
  buffer_deinit(&answer);
  scram_close(&other);
}

static void test_first(void **state)
{
  static const struct { const char *mechanism, *first, *sqlstate; bool binds; } cases[] = {
    {"SCRAM-SHA-256", "n,,n=,r=abc", "", false},
    {"SCRAM-SHA-256", "y,,n=,r=abc", "", false},
    {"SCRAM-SHA-256", "n,,n=,r=abc", "", true},
    {"SCRAM-SHA-256", "y,,n=,r=abc", "28000", true}, // somebody in between took SCRAM-SHA-256-PLUS away
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc", "", true},
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc", "08P01", false},
    {"SCRAM-SHA-256-PLUS", "p=tls-unique,,n=,r=abc", "08P01", true},
    {"SCRAM-SHA-256-PLUS", "n,,n=,r=abc", "08P01", true},
    {"SCRAM-SHA-256", "p=tls-server-end-point,,n=,r=abc", "08P01", true},
    {"SCRAM-SHA-1", "n,,n=,r=abc", "08P01", false},
    {"SCRAM-SHA-256", "n,a=me,n=,r=abc", "0A000", false},
    {"SCRAM-SHA-256", "n,,m=x,n=,r=abc", "0A000", false},
    {"SCRAM-SHA-256", "n,,n=,r=", "08P01", false},
    {"SCRAM-SHA-256", "n,,n=,r=a\tb", "08P01", false},
    {"SCRAM-SHA-256", "n,,r=abc", "08P01", false},
    {"SCRAM-SHA-256", "n", "08P01", false},
    {"SCRAM-SHA-256", "", "08P01", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct scram scram;
    struct buffer answer = {0};
    struct error error;
    open_login(&scram, verifier, bytes_of(secret, cases[i].binds ? 32 : 0));
    int status = scram_first(&scram, cases[i].mechanism, bytes_of_string(cases[i].first), &answer, &error);
    assert_string_equal(status ? error.sqlstate : "", cases[i].sqlstate);
    assert_int_equal(scram.state, status ? SCRAM_FAILED : SCRAM_CHALLENGED);
    buffer_deinit(&answer);
    scram_close(&scram);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc), cmocka_unit_test(test_wrong),
                                     cmocka_unit_test(test_unknown), cmocka_unit_test(test_first)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
