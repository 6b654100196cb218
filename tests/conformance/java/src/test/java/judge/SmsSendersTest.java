package judge;

import static judge.SmsSupport.FROM;
import static judge.SmsSupport.builder;
import static judge.SmsSupport.client;
import static judge.SmsSupport.refused;
import static judge.SmsSupport.someone;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.exception.HttpResponseException;
import java.util.stream.Stream;
import judge.Callgate.Way;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Beside a server that knows no sender yet: the commonest complaint about the cloud is a 401 without a word. */
class SmsSendersTest {
    static Stream<Way> ways() {
        return Callgate.ways();
    }

    @ParameterizedTest(name = "[{0}]")
    @MethodSource("ways")
    void send_fromASenderThatIsNotTheResourcesIs401WithAText(Way way) {
        for (String sender : new String[] {FROM, "12345", "Contoso"}) {
            HttpResponseException error =
                refused(401, "Unauthorized", () -> builder(way).buildClient().send(sender, someone(), "x"));
            assertTrue(error.getMessage().matches("(?s).*\"message\": ?\"[^\"]{10,}.*"), error.getMessage());
        }
    }

    @Test
    void aMalformedSenderIsToldFromOneThatIsNotTheResources() {
        refused(400, "Invalid From phone number format", () -> client().send("x!", someone(), "x"));
    }
}
