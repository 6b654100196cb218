package judge;

import static judge.ChatSupport.person;
import static judge.ChatSupport.text;
import static judge.ChatSupport.threadOf;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.azure.communication.chat.ChatServiceVersion;
import com.azure.communication.chat.ChatThreadClient;
import com.azure.communication.chat.models.CreateChatThreadOptions;
import com.azure.communication.chat.models.TypingNotificationOptions;
import com.azure.communication.chat.models.UpdateChatMessageOptions;
import com.azure.core.util.Context;
import java.util.Map;
import judge.ChatSupport.Person;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the first release of chat does not have. */
class NewestChatTest {
    @Test
    void metadataOfAMessage() {
        Person ann = person();
        ChatThreadClient thread = ann.in(threadOf(ann));
        String made = thread.sendMessage(text("x").setMetadata(Map.of("tags", "a", "mode", "b"))).getId();
        assertEquals(Map.of("tags", "a", "mode", "b"), thread.getMessage(made).getMetadata());
        thread.updateMessage(made, new UpdateChatMessageOptions().setMetadata(Map.of("tags", "c", "mode", "")));
        assertEquals(Map.of("tags", "c"), thread.getMessage(made).getMetadata());
        assertEquals("x", thread.getMessage(made).getContent().getMessage());
    }

    @Test
    void aTypingNotificationWithAName() {
        Person ann = person();
        TypingNotificationOptions options = new TypingNotificationOptions().setSenderDisplayName("Ann");
        assertEquals(200, ann.in(threadOf(ann)).sendTypingNotificationWithResponse(options, Context.NONE).getStatusCode());
    }

    @ParameterizedTest(name = "[{0}]")
    @EnumSource
    void everyVersionThatItSpeaks(ChatServiceVersion version) {
        Person ann = person();
        com.azure.communication.chat.ChatClient client =
            ann.builder(Callgate.bare(Callgate.ENDPOINT)).serviceVersion(version).buildClient();
        String thread = client.createChatThread(new CreateChatThreadOptions("t")).getChatThread().getId();
        client.getChatThreadClient(thread).sendMessage(text("x"));
        assertEquals(3, client.getChatThreadClient(thread).listMessages().stream().count());
        client.deleteChatThread(thread);
    }
}
