/* Packets of socket.io 0.9: what is one, what is not, and bodies that hold several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/chat/trouter_packet.h"

#define MARK "\xEF\xBF\xBD"

static void check_str(struct str got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    if (got.len)
        assert_memory_equal(got.ptr, wanted, got.len);
}

static void reads_packets(void **state)
{
    static const struct {
        const char *name, *text;
        enum packet_type type;
        const char *id;
        bool wants_ack;
        const char *endpoint, *data;
    } cases[] = {
        {"a farewell", "0::", PACKET_DISCONNECT, "", false, "", ""},
        {"a farewell with a reason", "0:::dup", PACKET_DISCONNECT, "", false, "", "dup"},
        {"a heartbeat", "2::", PACKET_HEARTBEAT, "", false, "", ""},
        {"a heartbeat without the second colon's end", "2:", PACKET_TYPE_COUNT, "", false, "", ""},
        {"an event that wants an answer", "5:12+::{\"name\":\"ping\"}", PACKET_EVENT, "12", true,
         "", "{\"name\":\"ping\"}"},
        {"an event that wants none", "5:1::{}", PACKET_EVENT, "1", false, "", "{}"},
        {"data with colons in it", "3:::{\"a\":\"b:c\"}", PACKET_MESSAGE, "", false, "",
         "{\"a\":\"b:c\"}"},
        {"a namespace", "1::/chat", PACKET_CONNECT, "", false, "/chat", ""},
        {"an acknowledgement", "6:::1+[]", PACKET_ACK, "", false, "", "1+[]"},
        {"a type of two digits", "12::", PACKET_TYPE_COUNT, "", false, "", ""},
        {"a type beyond the last", "9::", PACKET_TYPE_COUNT, "", false, "", ""},
        {"a type that is no digit", "x::", PACKET_TYPE_COUNT, "", false, "", ""},
        {"nothing", "", PACKET_TYPE_COUNT, "", false, "", ""},
        {"no colon", "2", PACKET_TYPE_COUNT, "", false, "", ""},
        {"an id that is no number", "5:a::", PACKET_TYPE_COUNT, "", false, "", ""},
        {"an id with two signs", "5:1++::", PACKET_TYPE_COUNT, "", false, "", ""},
        {"a sign without an id", "5:+::", PACKET_TYPE_COUNT, "", false, "", ""},
        {"the longest id", "5:1234567890+::", PACKET_EVENT, "1234567890", true, "", ""},
        {"an id that is too long", "5:12345678901::", PACKET_TYPE_COUNT, "", false, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct packet p = {0};
        enum rc rc = packet_parse(str_from(cases[i].text), &p);

        print_message("%s\n", cases[i].name);
        if (cases[i].type == PACKET_TYPE_COUNT) {
            assert_int_equal(rc, RC_INVALID);
            continue;
        }
        assert_int_equal(rc, RC_OK);
        assert_int_equal(p.type, cases[i].type);
        assert_int_equal(p.wants_ack, cases[i].wants_ack);
        check_str(p.id, cases[i].id);
        check_str(p.endpoint, cases[i].endpoint);
        check_str(p.data, cases[i].data);
    }
}

static void takes_bodies_apart(void **state)
{
    static const struct {
        const char *name, *body;
        const char *packets[4];
        enum rc end;
    } cases[] = {
        {"nothing", "", {NULL}, RC_NOT_FOUND},
        {"one packet, bare", "2::", {"2::"}, RC_NOT_FOUND},
        {"one packet, framed", MARK "3" MARK "2::", {"2::"}, RC_NOT_FOUND},
        {"two packets", MARK "3" MARK "2::" MARK "3" MARK "0::", {"2::", "0::"}, RC_NOT_FOUND},
        {"lengths count UTF-16 code units",
         MARK "6" MARK "3:::\xC3\xA9\xE2\x82\xAC" MARK "6" MARK "3:::\xF0\x9F\x98\x80",
         {"3:::\xC3\xA9\xE2\x82\xAC", "3:::\xF0\x9F\x98\x80"},
         RC_NOT_FOUND},
        {"a packet that holds the mark itself",
         MARK "5" MARK "3:::" MARK,
         {"3:::" MARK},
         RC_NOT_FOUND},
        {"an empty packet", MARK "0" MARK, {""}, RC_NOT_FOUND},
        {"a length within a pair", MARK "5" MARK "3:::\xF0\x9F\x98\x80", {NULL}, RC_INVALID},
        {"a length that is too long", MARK "4" MARK "2::", {NULL}, RC_INVALID},
        {"a length that is too short", MARK "2" MARK "2::", {NULL}, RC_INVALID},
        {"no length", MARK MARK "2::", {NULL}, RC_INVALID},
        {"a length that is no number", MARK "-1" MARK "2::", {NULL}, RC_INVALID},
        {"a huge length", MARK "99999999" MARK "2::", {NULL}, RC_INVALID},
        {"a length without its end", MARK "3", {NULL}, RC_INVALID},
        {"a mark alone", MARK, {NULL}, RC_INVALID},
        {"good, then bad", MARK "3" MARK "2::" MARK "9" MARK "0::", {"2::"}, RC_INVALID},
        {"bare octets that are no UTF-8", "3:::\xFF", {NULL}, RC_INVALID},
        {"framed octets that are no UTF-8", MARK "5" MARK "3:::\xFF", {NULL}, RC_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str rest = str_from(cases[i].body), packet;
        enum rc rc;
        size_t n = 0;

        print_message("%s\n", cases[i].name);
        while ((rc = packet_next(&rest, &packet)) == RC_OK) {
            assert_non_null(cases[i].packets[n]);
            check_str(packet, cases[i].packets[n++]);
        }
        assert_null(cases[i].packets[n]);
        assert_int_equal(rc, cases[i].end);
    }
}

static void frames_what_it_takes_apart(void **state)
{
    static const char *const packets[] = {"1::", "3:::\xF0\x9F\x98\x80\xC3\xA9 " MARK, "",
                                          "6:::1+[]"};
    struct str rest, packet;
    struct buf body;

    (void)state;
    buf_init(&body, KIB);
    for (size_t i = 0; i < ARRAY_LEN(packets); i++)
        packet_frame(&body, str_from(packets[i]));
    rest = buf_str(&body);
    for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
        assert_int_equal(packet_next(&rest, &packet), RC_OK);
        check_str(packet, packets[i]);
    }
    assert_int_equal(packet_next(&rest, &packet), RC_NOT_FOUND);
    buf_clear(&body);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_packets),
        cmocka_unit_test(takes_bodies_apart),
        cmocka_unit_test(frames_what_it_takes_apart),
    };

    return cmocka_run_group_tests_name("trouter_packet", tests, NULL, NULL);
}
