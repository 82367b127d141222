"""The types that both have, with calm values for tables and wild ones for what is computed of constants."""

CALM = {
    "bool": ["t", "f"],
    "int2": ["0", "1", "2", "-1", "7"],
    "int4": ["0", "1", "2", "3", "5", "-1", "10"],
    "int8": ["0", "1", "2", "3", "-5", "100"],
    "numeric": ["0", "1", "2.5", "-1.25", "3", "10"],
    "float4": ["0", "1", "2.5", "-0.25", "3"],
    "float8": ["0", "1", "2.5", "-0.25", "3", "64"],
    "text": ["", "a", "b", "ab", "A", "ba", "ü", "1", "a b"],
    "varchar": ["", "a", "b", "ab", "xyz"],
    "bpchar": ["a", "b", "ab", "c"],
    "bytea": ["\\x", "\\x00", "\\x01ff", "\\x61"],
    "date": ["2024-01-01", "2024-02-29", "1999-12-31", "2000-01-01"],
    "time": ["00:00:00", "12:34:56", "23:59:59.999999"],
    "timetz": ["00:00:00+00", "12:34:56+02", "12:34:56-05:30"],
    "timestamp": ["2024-01-01 00:00:00", "2024-03-10 02:30:00", "1999-12-31 23:59:59.5"],
    "timestamptz": ["2024-01-01 00:00:00+00", "2024-03-10 02:30:00-05", "1999-12-31 23:59:59.5+01"],
    "interval": ["0", "1 day", "2 mons", "03:04:05", "-1 day"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "jsonb": ["null", "1", "\"a\"", "[]", "[1, 2]", "{}", "{\"a\": 1}", "{\"a\": {\"b\": [1, null]}, \"c\": \"x\"}"],
    "json": ["null", "1", "\"a\"", "[1,2]", "{\"a\":1}"],
    "int4[]": ["{}", "{1}", "{1,2,3}", "{3,NULL}", "{{1,2},{3,4}}"],
    "text[]": ["{}", "{a}", "{a,b}", "{NULL,\"\"}"],
    "numeric[]": ["{}", "{1.5}", "{1,2.25}"],
}

WILD = {
    "bool": ["true", "off", "y"],
    "int2": ["32767", "-32768", "12", "4"],
    "int4": ["2147483647", "-2147483648", "20", "-7", "100", "4"],
    "int8": ["9223372036854775807", "-9223372036854775808", "4294967296", "12", "-3"],
    "numeric": ["NaN", "Infinity", "-Infinity", "0.00", "1.0", "1e20", "-1e-20", "123456789.987654321", "0.5",
                "99999999999999999999999999.5", "1e100", "-7.50"],
    "float4": ["NaN", "Infinity", "-Infinity", "-0", "1e38", "1e-40", "3.1415927", "0.1"],
    "float8": ["NaN", "Infinity", "-Infinity", "-0", "1e308", "1e-310", "0.1", "3.141592653589793", "-1e15", "1e16",
               "0.5", "1.5"],
    "text": ["%", "_a%", "a_", "\\", "'", "äöü€😀", "  pad  ", "Hello World", "2024-01-01", "12.5", "{1,2}", "[1]",
             "aaa", "abcabc", "a,b,,c", "(a)(b)", "[a-c]+", "^a.*$", "\t\n", "YYYY-MM-DD", "999.99", "NaN", "true",
             "day", "month", "epoch", "UTC", "hex", "base64", "a.b.c", "ß", "İ", "\x01"],
    "varchar": ["%", "abc def", "äö", "12"],
    "bpchar": ["a  ", " ", "", "äb"],
    "bytea": ["\\xdeadbeef", "\\x00ff00", "\\xffffffffffffffff", "abc", "\\\\000"],
    "date": ["infinity", "-infinity", "0001-01-01", "4713-01-01 BC", "5874897-12-31", "2024-12-31", "1970-01-01",
             "0044-03-15 BC"],
    "time": ["24:00:00", "00:00:00.000001", "06:30"],
    "timetz": ["24:00:00-15:59", "00:00:00.5+15:59", "01:02:03 UTC"],
    "timestamp": ["infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999",
                  "2024-02-29 12:00:00.123456", "1970-01-01", "0001-01-01 00:00:00", "0044-03-15 10:00 BC"],
    "timestamptz": ["infinity", "-infinity", "2024-11-03 01:30:00-04", "1883-11-18 12:00:00+00", "1970-01-01+00",
                    "294276-12-31 23:59:59+00", "2024-07-01 12:00 Europe/Berlin"],
    "interval": ["1 year 2 mons 3 days 04:05:06.789", "-1 year", "100000 days", "178000000 years",
                 "00:00:00.000001", "-00:30", "P1Y2M3DT4H5M6S", "1 mon -1 day", "24 hours", "30 days", "1.5 months"],
    "uuid": ["ffffffff-ffff-ffff-ffff-ffffffffffff", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"],
    "jsonb": ["[1, \"a\", null, true, {\"b\": []}]", "{\"a\": [1, 2, {\"b\": 3}], \"b\": null, \"\": 0}", "1.50",
              "\"\\u00e4\"", "[[1], [2, [3]]]", "true", "{\"x\": \"y\", \"a\": \"b\"}", "-0.0", "1e5", "\"ab\""],
    "json": ["{\"a\":1, \"a\":2}", " [1, {\"b\": null}] ", "{\"a\":{\"b\":[1,2]}}", "\"\\u0061\"", "1.0e3", "true"],
    "int4[]": ["[0:2]={1,2,3}", "{NULL}", "{2,1,2}", "{{1,2,3}}", "{{{1},{2}}}", "{2147483647,-1}"],
    "text[]": ["{\"a b\",\"c,d\",\"\\\"\",NULL}", "{a,a,b}", "{{a},{b}}", "{\"NULL\"}", "{x,y,z}"],
    "numeric[]": ["{NaN,1.50}", "{1.0,1.00}"],
}
TYPES = list(CALM)
# Types that a world may make: how, and their values.
OWN = {"mood": "create type mood as enum ('sad', 'ok', 'happy')",
       "whole": "create domain whole as int4 check (value between -5 and 10)",
       "word": "create domain word as varchar(6) constraint short check (value <> 'xyz')"}
CALM |= {"mood": ["sad", "ok", "happy"], "whole": ["0", "1", "2", "-5"], "word": ["", "a", "ab", "ü"]}
WILD |= {"mood": ["angry", "SAD", ""], "whole": ["-6", "11", "2.5"], "word": ["xyz", "too long", "abcdef"]}
SORTED = [kind for kind in CALM if kind != "json"]
INTEGERS, NUMBERS = ["int2", "int4", "int8"], ["int2", "int4", "int8", "numeric", "float4", "float8"]
# Equal values of these have one text only, so that a group or an ORDER BY gives the same one everywhere.
EXACT = ["bool", "int2", "int4", "int8", "text", "varchar", "date", "timestamp", "uuid", "bytea", "int4[]", "text[]",
         *OWN]
