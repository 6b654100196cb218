/* What the sanitiser leaves of html. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/chat/chat_wire.h"

static const struct {
    const char *name, *html, *clean;
} cases[] = {
    {"keeps text", "plain", "plain"},
    {"keeps nothing of nothing", "", ""},
    {"keeps formatting", "<p>a <b>b</b> <i>c</i></p>", "<p>a <b>b</b> <i>c</i></p>"},
    {"keeps lists and tables",
     "<ul><li>1</li></ul><table><tr><td colspan=\"2\">x</td></tr></table>",
     "<ul><li>1</li></ul><table><tr><td colspan=\"2\">x</td></tr></table>"},
    {"writes names in lower case", "<B>x</B>", "<b>x</b>"},
    {"keeps character references in text", "a &lt;b&gt; &amp; &copy; &#x41;",
     "a &lt;b&gt; &amp; &copy; &#x41;"},
    {"escapes what opens no tag", "1 < 2 > 0", "1 &lt; 2 &gt; 0"},
    {"drops a NUL", "a\0b", "ab"},
    {"drops scripts with what is in them", "a<script>alert(1)</script>b", "ab"},
    {"drops a script that has no end", "a<script>alert(1)", "a"},
    {"is not fooled by a longer end tag", "<script>x</scripty>y</script >z", "z"},
    {"drops styles", "<style>p{}</style>x", "x"},
    {"drops svg and math with what is in them", "<svg><a href=\"https://x\">y</a></svg>z", "z"},
    {"drops frames and objects", "<iframe src=\"https://x\">a</iframe><object>b</object>c", "c"},
    {"drops unknown tags and keeps what is in them", "<blink>x</blink><form>y</form>", "xy"},
    {"drops event handlers", "<b onclick=\"x()\" onmouseover=y>z</b>", "<b>z</b>"},
    {"drops style and class", "<span style=\"x\" class=y id=z>a</span>", "<span>a</span>"},
    {"keeps links by https", "<a href=\"https://x/?a=1&amp;b=2\">y</a>",
     "<a href=\"https://x/?a=1&amp;b=2\">y</a>"},
    {"keeps links by http, mailto and tel",
     "<a href='http://x'>1</a><a href=mailto:a@b>2</a><a href=TEL:+1>3</a>",
     "<a href=\"http://x\">1</a><a href=\"mailto:a@b\">2</a><a href=\"TEL:+1\">3</a>"},
    {"drops javascript", "<a href=\"javascript:x()\">y</a>", "<a>y</a>"},
    {"drops javascript in references", "<a href=\"java&#115;cript&#58;x()\">y</a>", "<a>y</a>"},
    {"drops javascript behind blanks", "<a href=\" \tjava\nscript:x()\">y</a>", "<a>y</a>"},
    {"drops javascript with named references", "<a href=\"javascript&colon;x()\">y</a>",
     "<a>y</a>"},
    {"drops data and vbscript", "<a href=\"data:text/html,x\">y</a><a href=\"vbscript:x\">z</a>",
     "<a>y</a><a>z</a>"},
    {"drops addresses without a scheme", "<a href=\"//evil/x\">y</a><a href=\"/x\">z</a>",
     "<a>y</a><a>z</a>"},
    {"keeps pictures by https", "<img src=\"https://x/y.png\" alt='a \"b\"' width=10 onerror=x>",
     "<img src=\"https://x/y.png\" alt=\"a &quot;b&quot;\" width=\"10\">"},
    {"drops pictures' data", "<img src=\"data:image/svg+xml,x\">", "<img>"},
    {"drops sizes that are no numbers", "<img width=\"100%\" height=\"-1\">", "<img>"},
    {"takes the first of an attribute", "<a href=\"https://1\" href=\"https://2\">x</a>",
     "<a href=\"https://1\">x</a>"},
    {"keeps what is quoted in", "<a title=\"x>y\" href='https://z'>w</a>",
     "<a title=\"x&gt;y\" href=\"https://z\">w</a>"},
    {"can't be broken out of by a quote", "<a title='\"><script>x</script>'>y</a>",
     "<a title=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;\">y</a>"},
    {"closes what was left open", "<b><i>x", "<b><i>x</i></b>"},
    {"closes in order", "<b><i>x</b>y</i>", "<b><i>x</i></b>y"},
    {"drops ends that began nowhere", "x</b></p></script>y", "xy"},
    {"drops comments", "a<!-- <b>x</b> -->b", "ab"},
    {"drops a comment that has no end", "a<!-- b", "a"},
    {"drops declarations", "<!DOCTYPE html><?xml?><![CDATA[x]]>y", "y"},
    {"survives a tag that has no end", "x<a href=\"https://y", "x<a href=\"https://y\"></a>"},
    {"survives a quote that has no end", "<a title=\"x>y</a>z",
     "<a title=\"x&gt;y&lt;/a&gt;z\"></a>"},
    {"takes a slash for a blank", "<br/><b/onclick=x>y</b>", "<br><b>y</b>"},
    {"does not take a tag for a name", "<a<script>x", "x"},
    {"does not make tags of what it drops", "<scr<script></script>ipt>x</script>", "ipt&gt;x"},
    {"writes decoded characters", "<a title=\"&#xe4;&#x1F600;&#0;&#xD800;\">x</a>",
     "<a title=\"\xC3\xA4\xF0\x9F\x98\x80\">x</a>"},
};

static struct str clean(struct arena *arena, struct str html)
{
    struct str out;

    assert_int_equal(chat_html_clean(html, 64 * KIB, arena, &out), RC_OK);
    return out;
}

static void leaves_what_is_harmless(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = cases[i].html[0] == 'a' && !cases[i].html[1] ? 3 : strlen(cases[i].html);
        struct str out = clean(&arena, str_of(cases[i].html, len));

        if (!str_eq(out, str_from(cases[i].clean)))
            fail_msg("%s: '" STR_FMT "'", cases[i].name, STR_ARG(out));
        if (!str_eq(clean(&arena, out), out))
            fail_msg("%s: not the same a second time", cases[i].name);
    }
    arena_clear(&arena);
}

static void bounds_how_deep_tags_lie(void **state)
{
    struct str out, deep;
    struct arena arena;
    struct buf in;

    (void)state;
    arena_init(&arena);
    buf_init(&in, 64 * KIB);
    for (int i = 0; i < 1000; i++)
        buf_add(&in, STR("<div>"));
    out = clean(&arena, buf_str(&in));
    assert_int_equal(out.len, 32 * (sizeof "<div></div>" - 1));
    deep = clean(&arena, out);
    assert_true(str_eq(deep, out));
    buf_clear(&in);
    arena_clear(&arena);
}

static void refuses_what_grows_too_long(void **state)
{
    struct arena arena;
    struct str out;

    (void)state;
    arena_init(&arena);
    assert_int_equal(chat_html_clean(STR("<<<<"), 15, &arena, &out), RC_TOO_LARGE);
    assert_int_equal(chat_html_clean(STR("<<<<"), 16, &arena, &out), RC_OK);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_what_is_harmless),
        cmocka_unit_test(bounds_how_deep_tags_lie),
        cmocka_unit_test(refuses_what_grows_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
