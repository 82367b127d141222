// Time zones: names, and offsets at a moment.
//
// A zone is a list of moments at which its offset changes, and a rule for the years behind the last of them.
#include "data/zone.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "data/datetime.h"
#include "data/zone_table.h"

static const int64_t SECOND = 1000000;
enum { DAY_SECONDS = 86400 };
static const int64_t EPOCH = 946684800; // 2000-01-01 in seconds since 1970

// ---- names ----

// Numbers of names in the order of the table, from 1.
bool zone_find(struct bytes name, struct zone *zone)
{
  int low = 0, high = zone_name_count;
  while (low < high) {
    int middle = (low + high) / 2;
    const char *own = zone_names[middle].name;
    size_t size = strlen(own);
    int order = strncasecmp((const char *)name.data, own, name.size < size ? name.size : size);
    if (order == 0)
      order = (name.size > size) - (name.size < size);
    if (order == 0) {
      *zone = (struct zone){.number = (int16_t)(middle + 1)};
      return true;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

bool zone_at(int index, struct zone *zone)
{
  *zone = (struct zone){.number = (int16_t)(index + 1)};
  return index < zone_name_count;
}

const char *zone_name(struct zone zone)
{
  return zone.number ? zone_names[zone.number - 1].name : NULL;
}

bool zone_read_offset(struct bytes *text, int32_t *seconds)
{
  int parts[3] = {0}, count = 0;
  size_t i = 0, digits = 0;
  while (i + digits < text->size && isdigit(text->data[i + digits]))
    digits++;
  if (digits == 0 || digits > 6)
    return false;
  if (digits > 2) { // hours, minutes and seconds run together
    int v = 0;
    for (; i < digits; i++)
      v = v * 10 + (text->data[i] - '0');
    parts[0] = digits > 4 ? v / 10000 : v / 100;
    parts[1] = digits > 4 ? v / 100 % 100 : v % 100;
    parts[2] = digits > 4 ? v % 100 : 0;
  } else {
    for (;;) {
      for (size_t start = i; i < text->size && isdigit(text->data[i]) && i < start + 2; i++)
        parts[count] = parts[count] * 10 + (text->data[i] - '0');
      count++;
      if (count == 3 || i + 1 >= text->size || text->data[i] != ':' || !isdigit(text->data[i + 1]))
        break;
      i++;
    }
  }
  if (parts[1] > 59 || parts[2] > 59)
    return false;
  *seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
  *text = bytes_of(text->data + i, text->size - i);
  return true;
}

// In minutes, PostgreSQL's default list. (Those that changed their meaning over the years count as they are today.)
static const struct {
  const char *name;
  int minutes;
} abbreviations[] = {
  {"acdt", 630}, {"acsst", 630}, {"acst", 570}, {"act", -300}, {"acwst", 525}, {"adt", -180}, {"aedt", 660},
  {"aesst", 660}, {"aest", 600}, {"aft", 270}, {"akdt", -480}, {"akst", -540}, {"almst", 420}, {"almt", 360},
  {"amst", 240}, {"amt", -240}, {"anast", 720}, {"anat", 720}, {"arst", -180}, {"art", -180}, {"ast", -240},
  {"awsst", 540}, {"awst", 480}, {"azost", 0}, {"azot", -60}, {"azst", 240}, {"azt", 240}, {"bdst", 120},
  {"bdt", 360}, {"bnt", 480}, {"bort", 480}, {"bot", -240}, {"bra", -180}, {"brst", -120}, {"brt", -180}, {"bst", 60},
  {"btt", 360}, {"cadt", 630}, {"cast", 570}, {"cct", 480}, {"cdt", -300}, {"cest", 120}, {"cet", 60},
  {"cetdst", 120}, {"chadt", 825}, {"chast", 765}, {"chut", 600}, {"ckt", -600}, {"clst", -180}, {"clt", -180},
  {"cot", -300}, {"cst", -360}, {"cxt", 420}, {"davt", 420}, {"ddut", 600}, {"easst", -300}, {"east", -300},
  {"eat", 180}, {"edt", -240}, {"eest", 180}, {"eet", 120}, {"eetdst", 180}, {"egst", 0}, {"egt", -60}, {"est", -300},
  {"fet", 180}, {"fjst", 780}, {"fjt", 720}, {"fkst", -180}, {"fkt", -180}, {"fnst", -60}, {"fnt", -120},
  {"galt", -360}, {"gamt", -540}, {"gest", 240}, {"get", 240}, {"gft", -180}, {"gilt", 720}, {"gmt", 0},
  {"gyt", -240}, {"hkt", 480}, {"hst", -600}, {"ict", 420}, {"idt", 180}, {"iot", 360}, {"irkst", 480}, {"irkt", 480},
  {"irt", 210}, {"ist", 120}, {"jayt", 540}, {"jst", 540}, {"kdt", 600}, {"kgst", 360}, {"kgt", 360}, {"kost", 660},
  {"krast", 420}, {"krat", 420}, {"kst", 540}, {"lhdt", 660}, {"lhst", 630}, {"ligt", 600}, {"lint", 840},
  {"lkt", 330}, {"magst", 660}, {"magt", 660}, {"mart", -570}, {"mawt", 300}, {"mdt", -360}, {"mest", 120},
  {"mesz", 120}, {"met", 60}, {"metdst", 120}, {"mez", 60}, {"mht", 720}, {"mmt", 390}, {"mpt", 600}, {"msd", 240},
  {"msk", 180}, {"mst", -420}, {"must", 300}, {"mut", 240}, {"mvt", 300}, {"myt", 480}, {"ndt", -150}, {"nft", -210},
  {"novst", 420}, {"novt", 420}, {"npt", 345}, {"nst", -210}, {"nut", -660}, {"nzdt", 780}, {"nzst", 720},
  {"nzt", 720}, {"omsst", 360}, {"omst", 360}, {"pdt", -420}, {"pet", -300}, {"petst", 720}, {"pett", 720},
  {"pgt", 600}, {"pht", 480}, {"pkst", 360}, {"pkt", 300}, {"pmdt", -120}, {"pmst", -180}, {"pont", 660},
  {"pst", -480}, {"pwt", 540}, {"pyst", -180}, {"pyt", -180}, {"ret", 240}, {"sadt", 630}, {"sast", 120},
  {"sct", 240}, {"sgt", 480}, {"taht", -600}, {"tft", 300}, {"tjt", 300}, {"tkt", 780}, {"tmt", 300}, {"tot", 780},
  {"trut", 600}, {"tvt", 720}, {"uct", 0}, {"ulast", 540}, {"ulat", 480}, {"ut", 0}, {"utc", 0}, {"uyst", -120},
  {"uyt", -180}, {"uzst", 360}, {"uzt", 300}, {"vet", -240}, {"vlast", 600}, {"vlat", 600}, {"volt", 180},
  {"vut", 660}, {"wadt", 480}, {"wakt", 720}, {"wast", 420}, {"wat", 60}, {"wdt", 540}, {"wet", 0}, {"wetdst", 60},
  {"wft", 720}, {"wgst", -120}, {"wgt", -180}, {"xjt", 360}, {"yakst", 540}, {"yakt", 540}, {"yapt", 600},
  {"yekst", 360}, {"yekt", 300}, {"z", 0}, {"zulu", 0},
};

bool zone_of_abbreviation(struct bytes word, int32_t *offset)
{
  for (size_t i = 0; i < sizeof abbreviations / sizeof *abbreviations; i++)
    if (word.size == strlen(abbreviations[i].name) &&
        strncasecmp((const char *)word.data, abbreviations[i].name, word.size) == 0) {
      *offset = abbreviations[i].minutes * 60;
      return true;
    }
  return false;
}

bool zone_parse(struct bytes text, struct zone *zone)
{
  size_t letters = 0;
  while (letters < text.size && isalpha(text.data[letters]))
    letters++;
  int32_t base = 0, offset = 0;
  if (letters && !zone_of_abbreviation(bytes_of(text.data, letters), &base))
    return zone_find(text, zone);
  if (letters < text.size) {
    bool is_negative = text.data[letters] == '-';
    struct bytes rest = bytes_of(text.data + letters + 1, text.size - letters - 1);
    if ((!is_negative && text.data[letters] != '+') || base != 0)
      return zone_find(text, zone);
    if (!zone_read_offset(&rest, &offset) || rest.size || offset >= ZONE_LIMIT)
      return false;
    // 'GMT+2' is POSIX: two hours west. '+2' alone is ISO: east.
    offset = is_negative != (letters > 0) ? -offset : offset;
  } else if (!letters) {
    return false;
  }
  *zone = zone_fixed(base + offset);
  return true;
}

// ---- offsets ----

// Seconds since 1970 at the change in that year; before: the offset that ends with it.
static int64_t change_moment(const struct zone_change *change, int64_t year, int32_t before)
{
  int64_t first = days_from_civil(year, change->month, 1);
  int weekday = (int)(((first + 6) % 7 + 7) % 7); // 2000-01-01 was a Saturday
  int day = (change->day - weekday + 7) % 7 + (change->week - 1) * 7;
  while (day >= days_in_month(year, change->month))
    day -= 7;
  return EPOCH + (first + day) * DAY_SECONDS + change->time - before;
}

static const struct zone_kind *kind_by_rule(const struct zone_body *body, int64_t at)
{
  const struct zone_kind *standard = &zone_kinds[body->standard], *daylight = &zone_kinds[body->daylight];
  struct civil_time civil;
  civil_from_timestamp((at - EPOCH + standard->offset) * SECOND, &civil);
  int64_t start = change_moment(&body->changes[0], civil.year, standard->offset);
  int64_t end = change_moment(&body->changes[1], civil.year, daylight->offset);
  bool is_daylight = start < end ? at >= start && at < end : at >= start || at < end;
  return is_daylight ? daylight : standard;
}

// at: seconds since 1970.
static const struct zone_kind *kind_at(struct zone zone, int64_t at)
{
  const struct zone_body *body = &zone_bodies[zone_names[zone.number - 1].body];
  const int64_t *moments = &zone_moments[body->first];
  int low = 0, high = body->count; // the first moment above at
  while (low < high) {
    int middle = (low + high) / 2;
    if (moments[middle] <= at)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == body->count && body->has_rule)
    return kind_by_rule(body, at);
  return &zone_kinds[low ? zone_uses[body->first + low - 1] : body->before];
}

static int64_t floor_seconds(int64_t timestamp)
{
  return timestamp / SECOND - (timestamp % SECOND < 0);
}

int32_t zone_offset_at(struct zone zone, int64_t utc, const char **abbreviation)
{
  if (abbreviation)
    *abbreviation = NULL;
  if (!zone.number)
    return zone.offset;
  const struct zone_kind *kind = kind_at(zone, floor_seconds(utc) + EPOCH);
  if (abbreviation)
    *abbreviation = kind->abbreviation;
  return kind->offset;
}

bool zone_is_daylight_at(struct zone zone, int64_t utc)
{
  return zone.number && kind_at(zone, floor_seconds(utc) + EPOCH)->is_daylight;
}

int32_t zone_offset_of_local(struct zone zone, int64_t local)
{
  if (!zone.number)
    return zone.offset;
  // No zone changes twice within a day. What held a day before and what holds a day behind are the candidates.
  int64_t at = floor_seconds(local) + EPOCH;
  int32_t before = kind_at(zone, at - DAY_SECONDS)->offset, after = kind_at(zone, at + DAY_SECONDS)->offset;
  bool before_holds = kind_at(zone, at - before)->offset == before;
  bool after_holds = kind_at(zone, at - after)->offset == after;
  if (before_holds != after_holds)
    return before_holds ? before : after;
  return before_holds ? after : before; // both: it is there twice; neither: it is left out
}

static bool is_infinite(int64_t timestamp) { return timestamp == INT64_MIN || timestamp == INT64_MAX; }

int64_t zone_to_local(struct zone zone, int64_t utc)
{
  int64_t shift = is_infinite(utc) ? 0 : zone_offset_at(zone, utc, NULL) * SECOND, local;
  return __builtin_add_overflow(utc, shift, &local) ? utc : local;
}

int64_t zone_to_utc(struct zone zone, int64_t local)
{
  int64_t shift = is_infinite(local) ? 0 : zone_offset_of_local(zone, local) * SECOND, utc;
  return __builtin_sub_overflow(local, shift, &utc) ? local : utc;
}
