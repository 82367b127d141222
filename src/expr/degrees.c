// Trigonometry in degrees: exact where the exact result is known, as PostgreSQL has it. A function is scaled by what
// the library makes of an angle whose result is known: sin(30°) is a half.
#include <math.h>

#include "expr/tables.h"

static const double RADIANS = 0.0174532925199432957692;

static int bad_input(struct evaluation *evaluation)
{
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range");
}

// ---- within the first quadrant ----

static double sine_to_30(double x) { return sin(x * RADIANS) / sin(30 * RADIANS) / 2; }
static double cosine_to_60(double x) { return 1 - (1 - cos(x * RADIANS)) / (1 - cos(60 * RADIANS)) / 2; }
static double sine(double x) { return x <= 30 ? sine_to_30(x) : cosine_to_60(90 - x); }
static double cosine(double x) { return x <= 60 ? cosine_to_60(x) : sine_to_30(90 - x); }

static double arcsine(double x)
{
  return x <= 0.5 ? asin(x) / asin(0.5) * 30 : 90 - acos(x) / acos(0.5) * 60;
}

static double arccosine(double x)
{
  return x <= 0.5 ? 90 - asin(x) / asin(0.5) * 30 : acos(x) / acos(0.5) * 60;
}

// ---- all around ----

struct angle {
  double x; // 0 to 90
  int sine_sign, cosine_sign;
};

static struct angle angle_of(double x)
{
  struct angle angle = {fmod(x, 360), 1, 1};
  if (angle.x < 0) {
    angle.x = -angle.x;
    angle.sine_sign = -1;
  }
  if (angle.x > 180) {
    angle.x = 360 - angle.x;
    angle.sine_sign = -angle.sine_sign;
  }
  if (angle.x > 90) {
    angle.x = 180 - angle.x;
    angle.cosine_sign = -1;
  }
  return angle;
}

enum kind { SINE, COSINE, TANGENT, COTANGENT };

static int circular(struct evaluation *evaluation, double x, enum kind kind, struct value *result)
{
  if (isinf(x))
    return bad_input(evaluation);
  struct angle angle = angle_of(x);
  double v = NAN;
  if (!isnan(x))
    switch (kind) {
    case SINE: v = angle.sine_sign * sine(angle.x); break;
    case COSINE: v = angle.cosine_sign * cosine(angle.x); break;
    case TANGENT:
      v = angle.sine_sign * angle.cosine_sign * (sine(angle.x) / cosine(angle.x) / (sine(45) / cosine(45)));
      break;
    case COTANGENT:
      v = angle.sine_sign * angle.cosine_sign * (cosine(angle.x) / sine(angle.x) / (cosine(45) / sine(45)));
      break;
    }
  *result = value_float8(v == 0 && kind >= TANGENT ? 0 : v); // no -0
  return STATUS_OK;
}

static int sind(CALL) { return circular(evaluation, arguments[0].float8, SINE, result); }
static int cosd(CALL) { return circular(evaluation, arguments[0].float8, COSINE, result); }
static int tand(CALL) { return circular(evaluation, arguments[0].float8, TANGENT, result); }
static int cotd(CALL) { return circular(evaluation, arguments[0].float8, COTANGENT, result); }

static int asind(CALL)
{
  double x = arguments[0].float8;
  if (x < -1 || x > 1)
    return bad_input(evaluation);
  *result = value_float8(x >= 0 ? arcsine(x) : -arcsine(-x));
  return STATUS_OK;
}

static int acosd(CALL)
{
  double x = arguments[0].float8;
  if (x < -1 || x > 1)
    return bad_input(evaluation);
  *result = value_float8(x >= 0 ? arccosine(x) : 90 + arcsine(-x));
  return STATUS_OK;
}

static int atand(CALL)
{
  *result = value_float8(atan(arguments[0].float8) / atan(1.0) * 45);
  return STATUS_OK;
}

static int atan2d(CALL)
{
  *result = value_float8(atan2(arguments[0].float8, arguments[1].float8) / atan(1.0) * 45);
  return STATUS_OK;
}

const struct function degree_functions[] = {
    PURE("sind", sind, FLOAT8, 1, FLOAT8),
    PURE("cosd", cosd, FLOAT8, 1, FLOAT8),
    PURE("tand", tand, FLOAT8, 1, FLOAT8),
    PURE("cotd", cotd, FLOAT8, 1, FLOAT8),
    PURE("asind", asind, FLOAT8, 1, FLOAT8),
    PURE("acosd", acosd, FLOAT8, 1, FLOAT8),
    PURE("atand", atand, FLOAT8, 1, FLOAT8),
    PURE("atan2d", atan2d, FLOAT8, 2, FLOAT8, FLOAT8),
    {0},
};
