package judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.sms.SmsClient;
import com.azure.communication.sms.SmsClientBuilder;
import com.azure.communication.sms.models.SmsSendResult;
import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.HttpClient;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.HttpResponse;
import com.azure.core.util.FluxUtil;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.StreamSupport;
import judge.Callgate.Way;
import org.junit.jupiter.api.function.Executable;
import reactor.core.publisher.Mono;

/** What the judges of text messages share: clients, what goes over the wire, and reports. */
final class SmsSupport {
    static final String FROM = "+14255550100";
    static final String ID = "Outgoing_\\d{14}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\w*";
    private static final AtomicInteger NUMBERS = new AtomicInteger(ThreadLocalRandom.current().nextInt(8000) * 100);

    private SmsSupport() {
    }

    /** A recipient that nobody used before, outside of the simulated ones. */
    static String someone() {
        return "+1206" + (2000000 + NUMBERS.incrementAndGet());
    }

    static SmsClientBuilder builder(Way way) {
        SmsClientBuilder made = new SmsClientBuilder().httpClient(Callgate.SDK_HTTP);
        return way.connected() ? made.connectionString(Callgate.connection(way.endpoint(), way.key()))
            : made.endpoint(way.endpoint()).credential(new AzureKeyCredential(way.key()));
    }

    static SmsClientBuilder builder() {
        return builder(Callgate.ways().findFirst().orElseThrow());
    }

    static SmsClient client() {
        return builder().buildClient();
    }

    static List<SmsSendResult> list(Iterable<SmsSendResult> given) {
        return StreamSupport.stream(given.spliterator(), false).toList();
    }

    static void assertSent(SmsSendResult item, String to) {
        assertEquals(to, item.getTo());
        assertEquals(202, item.getHttpStatusCode());
        assertTrue(item.isSuccessful());
        assertNull(item.getErrorMessage());
        assertTrue(item.getMessageId().matches(ID), item::getMessageId);
    }

    static void assertRefused(SmsSendResult item, String to, int status, String text) {
        assertEquals(to, item.getTo());
        assertEquals(status, item.getHttpStatusCode());
        assertFalse(item.isSuccessful());
        assertNull(item.getMessageId());
        assertTrue(item.getErrorMessage().contains(text), item::getErrorMessage);
    }

    /** The exception as an application sees it: its text has what the service said. */
    static HttpResponseException refused(int status, String text, Executable call) {
        HttpResponseException error = assertThrows(HttpResponseException.class, call);
        assertEquals(status, error.getResponse().getStatusCode(), error::getMessage);
        assertTrue(error.getMessage().contains(text), error::getMessage);
        return error;
    }

    /** The delivery report, when there is one: no released client reads it. */
    static JsonNode report(String message) throws Exception {
        for (long end = System.nanoTime() + 20_000_000_000L;; Thread.sleep(100)) {
            java.net.http.HttpResponse<String> answer =
                Callgate.signedGet("/deliveryReports/" + message + "?api-version=2026-01-23");
            if (answer.statusCode() == 200) {
                return Callgate.JSON.readTree(answer.body());
            }
            assertEquals(404, answer.statusCode(), answer::body);
            assertTrue(System.nanoTime() < end, () -> "no report of " + message);
        }
    }

    /** A transport that remembers. The first `lost` answers never reach the client. */
    static final class Watching implements HttpClient {
        final List<JsonNode> bodies = Collections.synchronizedList(new ArrayList<>());
        final List<Integer> statuses = Collections.synchronizedList(new ArrayList<>());
        final List<String> urls = Collections.synchronizedList(new ArrayList<>());
        private final int lost;

        Watching(int lost) {
            this.lost = lost;
        }

        @Override
        public Mono<HttpResponse> send(HttpRequest request) {
            return FluxUtil.collectBytesInByteBufferStream(request.getBody()).flatMap(octets -> {
                request.setBody(octets);
                return Callgate.SDK_HTTP.send(request).flatMap(answer -> {
                    try {
                        bodies.add(Callgate.JSON.readTree(new String(octets, StandardCharsets.UTF_8)));
                    } catch (IOException e) {
                        return Mono.error(e);
                    }
                    urls.add(request.getUrl().toString());
                    statuses.add(answer.getStatusCode());
                    return statuses.size() <= lost ? Mono.error(new IOException("lost")) : Mono.just(answer);
                });
            });
        }
    }
}
