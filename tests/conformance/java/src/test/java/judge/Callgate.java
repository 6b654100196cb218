package judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.http.HttpClient;
import com.azure.core.http.HttpMethod;
import com.azure.core.http.HttpRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.Properties;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** What the Java judges share: ways to reach the server, its administration, and what a token says. */
final class Callgate {
    static final ObjectMapper JSON = new ObjectMapper();
    static final String ENDPOINT = System.getenv("CALLGATE_ENDPOINT");
    static final String HTTP_ENDPOINT = System.getenv("CALLGATE_HTTP_ENDPOINT");
    static final String SECONDARY = System.getenv("CALLGATE_SECONDARY_KEY");
    /* Changes when a test regenerates it. */
    static volatile String primary = System.getenv("CALLGATE_PRIMARY_KEY");

    private static final java.net.http.HttpClient WEB = java.net.http.HttpClient.newHttpClient();
    static final HttpClient SDK_HTTP = HttpClient.createDefault();

    private Callgate() {
    }

    /** One way to make a client: by connection string, or by endpoint and key. */
    record Way(String name, boolean connected, String endpoint, boolean second) {
        String key() {
            return second ? SECONDARY : primary;
        }

        CommunicationIdentityClientBuilder builder() {
            CommunicationIdentityClientBuilder made = new CommunicationIdentityClientBuilder().httpClient(SDK_HTTP);
            return connected ? made.connectionString(connection(endpoint, key()))
                : made.endpoint(endpoint).credential(new AzureKeyCredential(key()));
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static String bare(String endpoint) {
        return endpoint.replaceAll("/$", "");
    }

    static String connection(String endpoint, String key) {
        return "endpoint=" + endpoint + ";accesskey=" + key;
    }

    static Stream<Way> ways() {
        return Stream.of(
            new Way("https, connection string", true, ENDPOINT, false),
            new Way("https, connection string without slash", true, bare(ENDPOINT), false),
            new Way("https, connection string, secondary key", true, ENDPOINT, true),
            new Way("https, key credential", false, bare(ENDPOINT), false),
            new Way("https, key credential with slash", false, ENDPOINT, false),
            new Way("https, key credential, secondary key", false, bare(ENDPOINT), true));
    }

    static CommunicationIdentityClientBuilder builder() {
        return ways().findFirst().orElseThrow().builder();
    }

    /** The version that is really on the class path, not the one that was asked for. */
    static String installed(String artifact) throws IOException {
        String path = "/META-INF/maven/com.azure/" + artifact + "/pom.properties";
        try (InputStream in = Callgate.class.getResourceAsStream(path)) {
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty("version");
        }
    }

    static JsonNode kept() throws IOException {
        File table = Path.of(System.getenv("CALLGATE_SDK_VERSIONS")).toFile();
        return JSON.readTree(table).get("sdk_java").get(System.getenv("CALLGATE_SDK_WHICH"));
    }

    /** A call over the administration socket. */
    static JsonNode admin(String method, String target, String body) throws IOException {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(System.getenv("CALLGATE_ADMIN_SOCKET"));
        byte[] octets = body.getBytes(StandardCharsets.UTF_8);
        String request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + (octets.length == 0 ? "" : "Content-Type: application/json\r\n")
            + "Content-Length: " + octets.length + "\r\n\r\n" + body;
        StringBuilder answer = new StringBuilder();
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(address);
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
            ByteBuffer part = ByteBuffer.allocate(4096);
            while (channel.read(part) >= 0) {
                answer.append(new String(part.array(), 0, part.position(), StandardCharsets.UTF_8));
                part.clear();
            }
        }
        assertTrue(answer.toString().startsWith("HTTP/1.1 2"), answer::toString);
        int at = answer.indexOf("\r\n\r\n");
        return JSON.readTree(answer.substring(at + 4));
    }

    interface Work<T> {
        T run() throws Exception;
    }

    /** Runs work while the server's clock is moved; the SDK's stays. */
    static <T> T withClock(String document, Work<T> work) throws Exception {
        admin("PUT", "/admin/clock", document);
        try {
            return work.run();
        } finally {
            admin("DELETE", "/admin/clock", "");
        }
    }

    static String clockAt(long seconds) {
        return "{\"set\":\"" + Instant.ofEpochSecond(seconds) + "\"}";
    }

    static HttpResponse<String> whoami(String token, String endpoint) throws Exception {
        java.net.http.HttpRequest request = java.net.http.HttpRequest
            .newBuilder(java.net.URI.create(endpoint + "admin/whoami")).header("Authorization", "Bearer " + token).build();
        return WEB.send(request, HttpResponse.BodyHandlers.ofString());
    }

    /** A call that no client makes, signed with the primary key by hand. */
    static HttpResponse<String> signedGet(String target) throws Exception {
        java.net.URI to = java.net.URI.create(bare(HTTP_ENDPOINT) + target);
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC));
        String hash = Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256").digest());
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(primary), "HmacSHA256"));
        String text = "GET\n" + target + "\n" + date + ";" + to.getAuthority() + ";" + hash;
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        return WEB.send(java.net.http.HttpRequest.newBuilder(to).header("x-ms-date", date)
            .header("x-ms-content-sha256", hash).header("Authorization",
                "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + signature).build(),
            HttpResponse.BodyHandlers.ofString());
    }

    static void assertLives(String token, String user) throws Exception {
        HttpResponse<String> answer = whoami(token, ENDPOINT);
        assertEquals(200, answer.statusCode(), answer::body);
        assertEquals(user, JSON.readTree(answer.body()).get("principal").asText());
    }

    static void assertDead(String token) throws Exception {
        for (String endpoint : new String[] {ENDPOINT, HTTP_ENDPOINT}) {
            HttpResponse<String> answer = whoami(token, endpoint);
            assertEquals(401, answer.statusCode(), answer::body);
            JsonNode error = JSON.readTree(answer.body()).get("error");
            assertTrue(!error.get("code").asText().isEmpty() && !error.get("message").asText().isEmpty());
        }
    }

    static JsonNode claims(String token) throws IOException {
        return JSON.readTree(Base64.getUrlDecoder().decode(token.split("\\.")[1]));
    }

    static void assertToken(AccessToken token, String user, String scopes, int minutes) throws IOException {
        JsonNode said = claims(token.getToken());
        assertEquals(minutes * 60L, said.get("exp").asLong() - said.get("iat").asLong());
        assertEquals(scopes, said.get("acsScope").asText());
        assertEquals(user, "8:" + said.get("skypeid").asText());
        assertTrue(Math.abs(token.getExpiresAt().toEpochSecond() - said.get("exp").asLong()) <= 1);
    }

    /** The request that a client sends, seen by a policy of its pipeline. */
    static String urlOf(HttpRequest request) {
        return request.getHttpMethod() == HttpMethod.POST ? request.getUrl().toString() : "";
    }
}
