package judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.communication.chat.ChatClient;
import com.azure.communication.chat.ChatClientBuilder;
import com.azure.communication.chat.ChatThreadClient;
import com.azure.communication.chat.models.ChatMessage;
import com.azure.communication.chat.models.ChatMessageType;
import com.azure.communication.chat.models.ChatParticipant;
import com.azure.communication.chat.models.CreateChatThreadOptions;
import com.azure.communication.chat.models.CreateChatThreadResult;
import com.azure.communication.chat.models.SendChatMessageOptions;
import com.azure.communication.common.CommunicationIdentifier;
import com.azure.communication.common.CommunicationTokenCredential;
import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.HttpClient;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.HttpResponse;
import com.azure.core.http.rest.PagedIterable;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;
import reactor.core.publisher.Mono;

/** What the judges of chat share: people with tokens of the identity SDK, their clients, and refusals. */
final class ChatSupport {
    static final String THREAD = "19:[A-Za-z0-9_-]{43}1@thread\\.v2";
    static final String UNKNOWN = "19:" + "A".repeat(43) + "1@thread.v2";

    private ChatSupport() {
    }

    /** How people write the endpoint; chat takes bearer tokens alone, and those over https alone. */
    record Way(String name, String endpoint) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Way> ways() {
        return Stream.of(new Way("https, bearer token of a user", Callgate.bare(Callgate.ENDPOINT)),
            new Way("https, bearer token of a user, endpoint with slash", Callgate.ENDPOINT));
    }

    static CommunicationIdentityClient identity() {
        return Callgate.builder().buildClient();
    }

    /** A user, how chat names him, and clients of his. */
    record Person(CommunicationUserIdentifier user, String token) {
        String raw() {
            return user.getId();
        }

        ChatClientBuilder builder(String endpoint) {
            return new ChatClientBuilder().httpClient(Callgate.SDK_HTTP).endpoint(endpoint)
                .credential(new CommunicationTokenCredential(token));
        }

        ChatClient client() {
            return builder(Callgate.bare(Callgate.ENDPOINT)).buildClient();
        }

        ChatThreadClient in(String thread) {
            return client().getChatThreadClient(thread);
        }

        ChatParticipant as() {
            return new ChatParticipant().setCommunicationIdentifier(user);
        }
    }

    static Person person(CommunicationTokenScope scope) {
        CommunicationUserIdentifierAndToken made = identity().createUserAndToken(List.of(scope));
        return new Person(made.getUser(), made.getUserToken().getToken());
    }

    static Person person() {
        return person(CommunicationTokenScope.CHAT);
    }

    /** A thread that `owner` made, with these in it. */
    static String threadOf(Person owner, Person... others) {
        CreateChatThreadOptions options = new CreateChatThreadOptions("a thread")
            .setParticipants(new ArrayList<>(Stream.of(others).map(Person::as).toList()));
        CreateChatThreadResult made = owner.client().createChatThread(options);
        assertTrue(none(made.getInvalidParticipants()));
        return made.getChatThread().getId();
    }

    static boolean none(List<?> some) {
        return some == null || some.isEmpty();
    }

    static SendChatMessageOptions text(String content) {
        return new SendChatMessageOptions().setContent(content).setType(ChatMessageType.TEXT);
    }

    static List<String> texts(ChatThreadClient thread) {
        return thread.listMessages().stream().filter(one -> one.getType().equals(ChatMessageType.TEXT))
            .map(one -> one.getContent().getMessage()).toList();
    }

    static List<String> ids(PagedIterable<ChatMessage> listed) {
        return listed.stream().map(ChatMessage::getId).toList();
    }

    static <T> List<Integer> pages(PagedIterable<T> listed) {
        return listed.streamByPage().map(page -> page.getValue().size()).filter(size -> size > 0).toList();
    }

    static String id(CommunicationIdentifier one) {
        return ((CommunicationUserIdentifier) one).getId();
    }

    static void recently(OffsetDateTime when) {
        assertTrue(Duration.between(when, OffsetDateTime.now()).abs().compareTo(Duration.ofMinutes(1)) < 0, when::toString);
    }

    static HttpResponseException refused(int status, String code, Executable work) {
        HttpResponseException error = assertThrows(HttpResponseException.class, work);
        assertEquals(status, error.getResponse().getStatusCode(), error::getMessage);
        assertTrue(error.getMessage().contains(code), error::getMessage);
        return error;
    }

    /** A transport that remembers what was asked. */
    static final class Watching implements HttpClient {
        final List<HttpRequest> asked = Collections.synchronizedList(new ArrayList<>());

        @Override
        public Mono<HttpResponse> send(HttpRequest request) {
            asked.add(request);
            return Callgate.SDK_HTTP.send(request);
        }
    }
}
